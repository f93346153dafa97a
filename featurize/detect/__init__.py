"""White cells, red cells and platelets in whole fields of blood smears."""
