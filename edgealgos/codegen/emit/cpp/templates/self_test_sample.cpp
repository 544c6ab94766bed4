    const int32_t answer = ${name}::${entry}(x);
