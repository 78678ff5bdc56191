import { z } from 'zod'

/** Building blocks for query and form values, which arrive as text, once or several times. */

/** `true`, `1`, `True` or an empty value (`?full`) is true. */
export const flag = z.preprocess(
  value => (typeof value === 'string' ? ['true', '1', ''].includes(value.toLowerCase()) : value),
  z.boolean().optional(),
)

/** A key that may repeat: `a=1&a=2`, `a[]=1`. Always an array. */
export const list = z.preprocess(
  value => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.string().max(4096)).max(2000),
)

/** A key that counts once; when it repeats the last one wins. */
export const text = z.preprocess(
  value => (Array.isArray(value) ? value.at(-1) : value),
  z.string().max(4096).optional(),
)

/** A whole number of at least 1. */
export const count = z.preprocess(
  value => (Array.isArray(value) ? value.at(-1) : value),
  z.coerce.number().int().min(1).optional(),
)

/** A whole number of at least 0. */
export const index = z.preprocess(
  value => (Array.isArray(value) ? value.at(-1) : value),
  z.coerce.number().int().min(0).optional(),
)
