
// Inputs by name: x[inputs::...].
namespace inputs {
enum Index : uint16_t {
${rows}};
}  // namespace inputs
