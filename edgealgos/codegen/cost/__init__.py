"""What a program costs on its board, predicted before anything is compiled."""
