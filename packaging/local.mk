# What packages ship beside the program.
