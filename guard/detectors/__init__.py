"""The detectors: one file per kind, each a function of a passage.

| detector        | rules of kind                        | reach                   |
|-----------------|--------------------------------------|-------------------------|
| `pattern`       | `pattern`, `phrases`, behind a sieve | from the rules          |
| `token_pattern` | `tokens`, where one of its words is  | a passage               |
| `grounding`     | `grounding`                          | a passage               |
| `consistency`   | `consistency`                        | a passage, or the reply |
| `repetition`    | `repetition`                         | the reply               |
| `toxicity`      | an engine's scores                   | a passage               |

`loaded` makes those that the loaded rules ask for.
"""
