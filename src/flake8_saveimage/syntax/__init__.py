"""From libcst's tree to facts: scopes, bindings, reaching definitions, resolved names."""
