/**
 * Eigenvalues of a symmetric n × n matrix, largest first: Householder's reduction to a tridiagonal one, then QL with
 * implicit shifts (Golub and Van Loan, Matrix Computations, 8.3). `matrix` is written over.
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal, beside } = tridiagonal(matrix, n)
  quickLow(diagonal, beside, n)
  return diagonal.sort().reverse()
}

function tridiagonal(a: Float64Array, n: number) {
  const diagonal = new Float64Array(n)
  const beside = new Float64Array(n)
  const at = (row: number, column: number) => a[row * n + column] as number
  const p = new Float64Array(n)
  for (let i = n - 1; i > 1; i--) {
    let scale = 0
    for (let k = 0; k < i; k++) scale += Math.abs(at(i, k))
    if (scale === 0) {
      beside[i] = at(i, i - 1)
      continue
    }
    let h = 0
    for (let k = 0; k < i; k++) {
      a[i * n + k] = at(i, k) / scale
      h += at(i, k) ** 2
    }
    const f = at(i, i - 1)
    const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h)
    beside[i] = scale * g
    h -= f * g
    a[i * n + i - 1] = f - g
    let dot = 0
    for (let j = 0; j < i; j++) {
      let sum = 0
      for (let k = 0; k <= j; k++) sum += at(j, k) * at(i, k)
      for (let k = j + 1; k < i; k++) sum += at(k, j) * at(i, k)
      p[j] = sum / h
      dot += (p[j] as number) * at(i, j)
    }
    const half = dot / (2 * h)
    for (let j = 0; j < i; j++) {
      const u = at(i, j)
      const q = (p[j] as number) - half * u
      p[j] = q
      for (let k = 0; k <= j; k++) a[j * n + k] = at(j, k) - u * (p[k] as number) - q * at(i, k)
    }
  }
  if (n > 1) beside[1] = at(1, 0)
  for (let i = 0; i < n; i++) diagonal[i] = at(i, i)
  return { diagonal, beside }
}

function quickLow(d: Float64Array, e: Float64Array, n: number): void {
  for (let i = 1; i < n; i++) e[i - 1] = e[i] as number
  if (n > 0) e[n - 1] = 0
  for (let l = 0; l < n; l++) {
    for (let turn = 0; turn < 60; turn++) {
      let m = l
      for (; m < n - 1; m++) {
        const size = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number)
        if (Math.abs(e[m] as number) <= Number.EPSILON * size) break
      }
      if (m === l) break
      let g = ((d[l + 1] as number) - (d[l] as number)) / (2 * (e[l] as number))
      let r = Math.hypot(g, 1)
      g = (d[m] as number) - (d[l] as number) + (e[l] as number) / (g + (g >= 0 ? r : -r))
      let [s, c, p] = [1, 1, 0]
      let i = m - 1
      for (; i >= l; i--) {
        const f = s * (e[i] as number)
        const b = c * (e[i] as number)
        r = Math.hypot(f, g)
        e[i + 1] = r
        if (r === 0) {
          d[i + 1] = (d[i + 1] as number) - p
          e[m] = 0
          break
        }
        s = f / r
        c = g / r
        g = (d[i + 1] as number) - p
        r = ((d[i] as number) - g) * s + 2 * c * b
        p = s * r
        d[i + 1] = g + p
        g = c * r - b
      }
      if (r === 0 && i >= l) continue
      d[l] = (d[l] as number) - p
      e[l] = g
      e[m] = 0
    }
  }
}
