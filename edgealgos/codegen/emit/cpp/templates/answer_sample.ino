static void answer(bool typed) {
  const ${answer_type} found = ${name}::${predict}(row);
  typed ? tell(found) : tellHost(found);
}
