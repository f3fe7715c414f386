"""Exports: image folders with a card, tables, corrected labels, submissions."""
