"""Raw objects in: memory and directories of YAML; more sources sit behind the same protocol."""
