"""The database: tables, one transaction per unit of work, one repository file per noun. Only here is SQL spoken."""
