"""From activity to statement: which factor, the one multiplication, the totals. Pure: values in, values out."""
