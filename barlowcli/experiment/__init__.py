"""The experiment file: question, axes, controls, presets and claims as models. One TOML file, no code."""
