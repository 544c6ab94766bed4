
add_executable(${name}_main main.cpp)
target_link_libraries(${name}_main ${name}_model)
set_target_properties(${name}_main PROPERTIES OUTPUT_NAME ${name})
