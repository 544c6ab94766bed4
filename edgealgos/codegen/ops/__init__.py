"""What a program can do: operations with their meaning in real numbers and in integers."""
