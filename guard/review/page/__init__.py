"""The reviewer's page: who may come in, and what the browser gets.

Rules of the rooms in here: a session is worth what its person's role may do and nothing more;
nothing is inline, nothing comes from elsewhere, and what was generated reaches the page as text.
"""
