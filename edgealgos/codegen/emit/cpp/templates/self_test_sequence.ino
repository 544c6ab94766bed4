    ${name}::reset();
    for (uint16_t t = 0; t < ${steps}; ++t) {
      for (uint16_t i = 0; i < ${name}::kFeatureCount; ++i)
        row[i] = static_cast<${name}::input_t>(
            sizeof(${name}::input_t) == 1 ? pgm_read_byte(next++) : pgm_read_word(next++));
      ${name}::push(row);
    }
    const int32_t answer = ${name}::${entry}();
    ${name}::reset();
