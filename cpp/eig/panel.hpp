// QR of a tall panel with the reflectors gathered: P = Q R, Q = I - V T V^T (compact WY).
//
// P (m x w) by columns, V (m x k) unit lower trapezoidal, T (k x k) upper triangular,
// k = min(w, m - 1). Recursive, so that nearly all of it is products: the left half, the right half
// less what the left one's reflectors take from it, and then
//   T = (T_1  -T_1 V_1^T V_2 T_2; 0  T_2)
// (Elmroth, Gustavson 2000, "Applying recursion to serial and parallel QR factorization leads to
// better performance", IBM J. Res. Dev. 44; Schreiber, Van Loan 1989 for V T V^T).
#pragma once

#include <cstdint>

namespace saddlescape::eig {

struct Panel {
  std::int64_t m, w;
  double* columns;  // w columns of m elements, `stride` apart: R is left in their upper triangle,
  std::int64_t stride;  // what lies under it is undefined
  double* v;            // k columns of m elements, v_stride apart: all of V, its zeros and ones too
  std::int64_t v_stride;
  double* t;  // (w x w) by rows, of which k x k is used: all of T, its zeros too
  std::int64_t reflectors() const { return w < m ? w : m - 1; }
};

void factor(const Panel& panel);

}  // namespace saddlescape::eig
