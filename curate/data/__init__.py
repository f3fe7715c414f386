"""Image sets, from wherever: the catalog, folders, tables, archives; what every later step reads."""
