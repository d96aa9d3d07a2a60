"""The contract: Vyper source, the compiled artifact that is shipped, and the program that compiles it again."""
