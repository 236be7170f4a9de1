"""The detectors: one file per kind, each a function of a passage.

| detector    | rules of kind      | reach        |
|-------------|--------------------|--------------|
| `pattern`   | `pattern`, `phrases`, behind a sieve | from the rules |
| `grounding` | `grounding`        | a passage    |
| `toxicity`  | an engine's scores | a passage    |
"""
