static void answer(bool typed) { tell(${name}::${predict}(row), typed); }
