// The parts of a step that elementwise rules do without.
#include <cstring>

#include "cuda/newton_schulz.hpp"
#include "cuda/stepping.hpp"
#include "update/rules.hpp"

namespace saddlescape::cuda {

using update::Group;
using update::Kind;
using update::Tensor;

void Stepping::factor() const {
  const Plan& plan = workspace_.plan_;
  FactorList list{};
  list.row_sums = workspace_.factor_sums_.as<double>();
  list.column_sums = list.row_sums + plan.room.row_sums;
  list.strips = list.column_sums + plan.room.column_sums;
  for (const FactorLaunch& launch : plan.factors) {
    list.of = workspace_.factorings_.as<Factoring>() + launch.from;
    list.count = launch.count;
    accumulate_factors(stream_, launch.real, launch.blocks, table, list);
  }
}

void Stepping::direct(const Group* groups, Tensor* tensors) {
  for (const PassLaunch& pass : workspace_.plan_.directions)
    pass.launch(stream_, pass.count, chunked(pass.from));
  add(workspace_.plan_.direction_sums, true);
  auto* const host = workspace_.answer_.as<unsigned char>();
  auto* const totals = reinterpret_cast<TensorSums*>(host + placed(sizeof(Control)));
  download(stream_, host, table.control, sizeof(Control));
  download(stream_, totals, table.totals + count_,
           count_ * static_cast<std::int64_t>(sizeof(TensorSums)));
  stream_.wait();
  Control control;
  std::memcpy(static_cast<void*>(&control), host, sizeof control);
  if (control.non_finite != all_finite) return;
  for (std::int64_t i = 0; i < count_; ++i) {
    const Group& group = groups[tensors[i].group];
    const Kind kind = group.rule->kind;
    if (tensors[i].gradient && (kind == Kind::normed || kind == Kind::factored))
      tensors[i].trust =
          update::trust(group, tensors[i], totals[i].of[0].norm(), totals[i].of[1].norm());
  }
  send(groups, tensors, control);
}

void Stepping::step_matrices(const Group* groups, const Blas& blas) const {
  for (const MatrixBatch& batch : workspace_.plan_.matrices) {
    const update::Options& options = groups[batch.group].options;
    Table own = table;
    own.directions = workspace_.matrices_.data();
    for (const PassLaunch& pass : batch.directions)
      pass.launch(stream_, pass.count, chunked(own, pass.from));
    add(batch.sums, true);
    own.totals += count_;
    own.order = workspace_.order_.as<std::int64_t>() + batch.sums.tensors_from;
    const auto divide = batch.real == update::Real::float64 ? normalise<double> : normalise<float>;
    divide(stream_, batch.count, batch.rows * batch.columns, options.eps, own);
    own.directions = newton_schulz(blas, stream_, batch, options, own.directions);
    for (const PassLaunch& pass : batch.passes)
      pass.launch(stream_, pass.count, chunked(own, pass.from));
  }
}

}  // namespace saddlescape::cuda
