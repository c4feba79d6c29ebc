#include "update/passes.hpp"

#include <cmath>

#include "core/half.hpp"
#include "update/adafactor_step.hpp"
#include "update/gradient.hpp"
#include "update/kernels.hpp"
#include "update/one_loop.hpp"
#include "update/row.hpp"
#include "update/rules.hpp"

namespace saddlescape::update {
namespace {

constexpr std::int64_t tile_bytes = tile_size * 8;
constexpr int parameter_slot = max_states;  // dither: states come first

// One thread's work on tiles, with its scratch memory.
class Worker {
 public:
  Worker(Role role, const Group* groups, Tensor* tensors, const Around& around, double clip,
         Workspace& workspace)
      : role_(role),
        groups_(groups),
        tensors_(tensors),
        around_(around),
        clip_(clip),
        workspace_(workspace) {}
  // for_each_range copies a worker that has done nothing yet: its scratch holds nothing.
  Worker(const Worker& other)
      : Worker(other.role_, other.groups_, other.tensors_, other.around_, other.clip_,
               other.workspace_) {}
  Worker& operator=(const Worker&) = delete;

  void operator()(std::int64_t i, std::int64_t tile, std::int64_t begin, std::int64_t end) {
    const Tensor& tensor = tensors_[i];
    const Group& group = groups_[tensor.group];
    if (is_one_loop(role_, group, tensor, around_)) {
      one_loop(role_, group, tensor, begin, end - begin, around_, clip_, folds_,
               workspace_.partial.data() + 3 * tile);
      return;
    }
    for (std::int64_t from = begin; from < end; from += tile_size, ++tile)
      visit(tensor, from, std::min(tile_size, end - from), workspace_.partial.data() + 3 * tile);
  }

 private:
  void visit(const Tensor& tensor, std::int64_t from, std::int64_t n, double* sums) {
    real_ = real_of(tensor.parameter_type);
    if (role_ == Role::gradient_norm) {
      sums[0] = squares(gradient(tensor, from, n), n);
      return;
    }
    const Group& group = groups_[tensor.group];
    void* const p = parameters(tensor, from, n);
    if (tensor.gradient)
      takes_direction() ? direction(group, tensor, from, n, p, sums)
                        : move(group, tensor, from, n, p, sums);
    if (!takes_direction() && tensor.average && around_.average_weight != 0)
      table_.blend[real()](at(tensor.average, from * number()), p, n, around_.average_weight);
  }

  void direction(const Group& group, const Tensor& tensor, std::int64_t from, std::int64_t n,
                 void* p, double* sums) {
    void* const u = role_ == Role::write_direction ? at(workspace_.direction, from * number())
                                                   : scratch_[parameter_slot + 2];
    const void* g = gradient(tensor, from, n);
    if (group.rule->kind == Kind::factored)
      adafactor::precondition(group.options, tensor, g, from, n, u);
    else
      update(group.rule->direction, group, tensor, from, n, p, g, u);
    sums[0] = squares(p, n);
    sums[1] = squares(u, n);
  }

  void move(const Group& group, const Tensor& tensor, std::int64_t from, std::int64_t n, void* p,
            double* sums) {
    const void* g = gradient(tensor, from, n);
    void* const old = scratch_[parameter_slot + 2];
    if (around_.statistics) __builtin_memcpy(old, p, static_cast<std::size_t>(n * number()));
    update(group.rule->kernel, group, tensor, from, n, p, along(group, tensor, g, from, n));
    const std::uint32_t dither = half::dither_base(from, tensor.steps, parameter_slot);
    if (tensor.copy) narrow(tensor.copy_type, p, from, n, dither, tensor.copy);
    if (p == scratch_[parameter_slot]) {
      narrow(tensor.parameter_type, p, from, n, dither, tensor.parameters);
      // What is averaged and measured is what was kept, not what was rounded away.
      if (around_.statistics || around_.average_weight != 0) parameters(tensor, from, n);
    }
    if (around_.statistics) {
      sums[0] = squares(g, n);
      sums[1] = tile_squares(table_.sum_squared_differences[real()](p, old, n), real_, p, old, n);
      sums[2] = squares(p, n);
    }
  }

  // What the rule moves along: its own direction, or the gradient.
  const void* along(const Group& group, const Tensor& tensor, const void* g, std::int64_t from,
                    std::int64_t n) {
    if (role_ == Role::apply_direction) return at(workspace_.direction, from * number());
    if (group.rule->kind != Kind::factored) return g;
    // In the place of a state: this rule's are not expanded.
    adafactor::precondition(group.options, tensor, g, from, n, scratch_[0]);
    return scratch_[0];
  }

  void update(int kernel, const Group& group, const Tensor& tensor, std::int64_t from,
              std::int64_t n, void* p, const void* g, void* direction = nullptr) {
    if (tensor.state_type == Element::block8 && coded_.update[kernel]) {
      Coded state[max_states];
      for (int s = 0; s < static_cast<int>(group.rule->state_names.size()); ++s)
        state[s] = coded(tensor, s, from);
      coded_.update[kernel](folded(kernel, group, tensor), n, static_cast<float*>(p),
                            static_cast<const float*>(g), state);
      return;
    }
    // These have brought their states forward by then.
    const bool done = role_ == Role::apply_direction || group.rule->kind == Kind::factored;
    const int states = done ? 0 : static_cast<int>(group.rule->state_names.size());
    void* state[max_states + 1] = {};
    state[states] = direction;
    for (int s = 0; s < states; ++s) state[s] = widened(group, tensor, s, from, n);
    kernels_.update[kernel][real()](folded(kernel, group, tensor), n, p, g, state);
    // What another pass sets stays as it is, to the bit.
    const bool composed = group.rule->direction >= 0;
    if (composed && takes_direction() != group.rule->set_first) return;
    for (int s = 0; s < states; ++s) narrowed(group, tensor, s, from, n, state[s]);
  }

  const void* folded(int kernel, const Group& group, const Tensor& tensor) {
    return folds_.of(kernel, group, tensor);
  }

  double squares(const void* x, std::int64_t n) const {
    return tile_squares(table_.sum_squares[real()](x, n), real_, x, nullptr, n);
  }

  // The numbers that the rule computes with: the array's own, or expanded ones.
  void* parameters(const Tensor& tensor, std::int64_t from, std::int64_t n) {
    const Element type = tensor.parameter_type;
    void* const own = at(tensor.parameters, from * width(type));
    if (type == computed()) return own;
    table_.widen[static_cast<int>(type)](own, n, number_scratch(parameter_slot));
    return scratch_[parameter_slot];
  }

  const void* gradient(const Tensor& tensor, std::int64_t from, std::int64_t n) {
    const double clip = role_ == Role::gradient_norm ? 1 : clip_;
    return gradient_tile(tensor, from, n, around_, clip, scratch_[parameter_slot + 1]);
  }

  void* widened(const Group& group, const Tensor& tensor, int s, std::int64_t from,
                std::int64_t n) {
    const Element type = tensor.state_type;
    void* const own = at(tensor.state[s], from * width(type));
    if (type == computed()) return own;
    if (type == Element::block8)
      coded_.expand[nature(group, s)](own, tensor.scales[s] + from / block8_size, n,
                                      number_scratch(s));
    else
      table_.widen[static_cast<int>(type)](own, n, number_scratch(s));
    return scratch_[s];
  }

  void narrowed(const Group& group, const Tensor& tensor, int s, std::int64_t from, std::int64_t n,
                const void* state) {
    const Element type = tensor.state_type;
    if (type == computed()) return;
    void* const own = at(tensor.state[s], from * width(type));
    const auto* numbers = static_cast<const float*>(state);
    if (type == Element::block8)
      coded_.quantise[nature(group, s)](numbers, n, coded(tensor, s, from));
    else if (around_.nearest_states)
      table_.narrow[static_cast<int>(type)](numbers, n, own);
    else
      table_.narrow_dithered[static_cast<int>(type)](numbers, n,
                                                     half::dither_base(from, tensor.steps, s), own);
  }

  static Coded coded(const Tensor& tensor, int s, std::int64_t from) {
    return {at(tensor.state[s], from), tensor.scales[s] + from / block8_size,
            half::dither_base(from, tensor.steps, s)};
  }

  void narrow(Element type, const void* p, std::int64_t from, std::int64_t n, std::uint32_t dither,
              void* out) {
    void* const target = at(out, from * width(type));
    const auto* numbers = static_cast<const float*>(p);
    if (around_.dithered_parameters)
      table_.narrow_dithered[static_cast<int>(type)](numbers, n, dither, target);
    else
      table_.narrow[static_cast<int>(type)](numbers, n, target);
  }

  static int nature(const Group& group, int s) {
    return static_cast<int>(group.rule->natures[static_cast<std::size_t>(s)]);
  }
  float* number_scratch(int slot) { return reinterpret_cast<float*>(scratch_[slot]); }
  bool takes_direction() const {
    return role_ == Role::direction || role_ == Role::write_direction;
  }
  int real() const { return static_cast<int>(real_); }
  Element computed() const { return element_of(real_); }
  std::int64_t number() const { return width(computed()); }

  Role role_;
  const Group* groups_;
  Tensor* tensors_;
  const Around& around_;
  double clip_;
  Workspace& workspace_;
  Real real_ = Real::float32;
  const Kernels& kernels_ = kernels();
  const TileKernels& table_ = tile_kernels();
  const CodedKernels& coded_ = coded_kernels();
  Folds folds_;
  // The states, the parameters, the gradient, the parameters before the step.
  alignas(64) unsigned char scratch_[max_states + 3][tile_bytes];
};

// Memory that a tile of a tensor moves, by the arrays that it reads or writes.
std::int64_t moved_bytes(const Group* groups, const Tensor& tensor, Role role) {
  const std::int64_t gradient = width(tensor.gradient_type);
  if (role == Role::gradient_norm) return tile_size * gradient;
  const auto states = static_cast<std::int64_t>(groups[tensor.group].rule->state_names.size());
  return tile_size * (gradient + width(tensor.parameter_type) + states * width(tensor.state_type));
}

}  // namespace

bool takes_part(Role role, const Group* groups, const Tensor& tensor, const Around& around) {
  const Kind kind = groups[tensor.group].rule->kind;
  if (role == Role::update && tensor.average && around.average_weight != 0 && !tensor.gradient)
    return true;
  if (!tensor.gradient) return false;
  // Matrix rules have had their passes by then.
  if (role == Role::update) return kind != Kind::matrix;
  return role != Role::direction || kind == Kind::normed || kind == Kind::factored;
}

bool needs_tiles(const Group* groups, const Tensor* tensors, std::int64_t count,
                 const Around& around) {
  if (scales_gradient(around, 1) || around.statistics || around.average_weight != 0) return true;
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor& tensor = tensors[i];
    if (!tensor.gradient) continue;
    const Group& group = groups[tensor.group];
    if (!is_native(group, tensor) || tensor.copy || group.rule->kind != Kind::elementwise)
      return true;
  }
  return false;
}

void run_pass(Role role, const Group* groups, Tensor* tensors, std::int64_t count,
              const Around& around, double clip, Check* check, Workspace& workspace) {
  std::int64_t tiles = 0, bytes = 1;
  for (std::int64_t i = 0; i < count; ++i) {
    tiles += ceiling(tensors[i].size, tile_size);
    bytes = std::max(bytes, moved_bytes(groups, tensors[i], role));
  }
  const auto needed = static_cast<std::size_t>(3 * tiles);
  if (workspace.partial.size() < needed) workspace.partial.resize(needed);
  const Worker worker(role, groups, tensors, around, clip, workspace);
  for_each_range(
      tensors, count, bytes,
      [&](const Tensor& tensor) { return takes_part(role, groups, tensor, around); },
      [](const Tensor&) { return tile_size; }, worker,
      [=](double at) { return !check || check->pass(at); });
}

}  // namespace saddlescape::update
