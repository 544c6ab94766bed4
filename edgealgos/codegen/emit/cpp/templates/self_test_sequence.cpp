    ${name}::reset();
    for (uint16_t t = 0; t < ${steps}; ++t) ${name}::push(x + t * ${name}::kFeatureCount);
    const int32_t answer = ${name}::${entry}();
    ${name}::reset();
