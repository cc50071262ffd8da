"""How predictions depend on columns, and what each row owes to them."""
