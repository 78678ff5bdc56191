import { compare } from '../../server/domains/lineage/compare.ts'
import { readHub, sketchOf } from './place.ts'

const folder = process.argv[2] as string
const models = await readHub(folder)
const up = new Map<string, string>()
const find = (id: string): string => (up.has(id) ? find(up.get(id) as string) : id)
for (const m of models)
  for (const p of m.truth.parents) {
    const a = find(m.id),
      b = find(p)
    if (a !== b) up.set(a, b)
  }
const known = []
for (const m of models) {
  const s = await sketchOf(folder, m)
  if (s) known.push({ m, s })
}
for (const [i, a] of known.entries())
  for (const b of known.slice(0, i)) {
    const t0 = performance.now()
    const c = compare(a.s, b.s)
    if (performance.now() - t0 > 500) console.error(performance.now() - t0, a.m.id, b.m.id)
    const t = (a.m.truth as any).detail
    console.log(
      [
        find(a.m.id) === find(b.m.id) ? 'REL' : 'ind',
        c.rho.toFixed(3),
        c.likeLayers.toFixed(2),
        c.gram?.toFixed(3) ?? '-',
        c.embed?.toFixed(3) ?? '-',
        c.distance.toFixed(3),
        c.equal.toFixed(3),
        a.m.truth.relation,
        b.m.truth.relation,
        a.m.id,
        b.m.id,
        t?.like ?? '',
        t?.same_init ? 'SAMEINIT ' + t.same_init : '',
      ].join(' '),
    )
  }
