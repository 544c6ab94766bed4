// Tells the class index.
static void answer() { tell(${name}::predict(row)); }
