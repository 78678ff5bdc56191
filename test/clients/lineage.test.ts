import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { q8Of } from '../../server/domains/sketches/gguf-for-test.suite.ts'
import {
  configOf,
  makeModel,
  safetensorsOf,
  trained,
} from '../../server/domains/sketches/model-for-test.suite.ts'
import { runBanyan } from '../hub.ts'
import { folderOf, newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()
const base = makeModel(1)
const tuned = trained(base, 2)
const folder = (weights: typeof base) => ({
  'model.safetensors': safetensorsOf(weights),
  'config.json': configOf(),
})

describe('the family tree', () => {
  it('says to Python what weights say of cards', async () => {
    const models = {
      base: folder(base),
      tuned: folder(tuned),
      quantized: { 'model.gguf': q8Of(tuned, { heads: 4 }) },
      copy: folder(base),
      stranger: folder(makeModel(99)),
      claims: folder(trained(base, 3)),
    }
    const files = Object.entries(models).flatMap(([name, content]) =>
      Object.entries(content).map(([path, bytes]) => [`${name}/${path}`, bytes] as const),
    )
    const ada = await newMachine(hub().url, hub().token)
    const { family } = await ada.python<{ family: string }>('lineage', {
      folder: await folderOf(Object.fromEntries(files)),
    })

    // A file of one's own, which is not uploaded.
    const own = await folderOf(folder(trained(tuned, 4)))
    const sketch = join(own, 'mine.sketch')
    expect(await runBanyan(['sketch', own, '-o', sketch])).toMatch(
      /mine\.sketch: safetensors, \d+ parameters/,
    )
    for (const file of [sketch, join(own, 'model.safetensors')]) {
      const answer = JSON.parse(await runBanyan(['lineage', 'identify', file, '--hub', hub().url]))
      expect(answer).toMatchObject({ verdict: 'descends', family, parents: [{ id: 'ada/tuned' }] })
    }
    await expect(runBanyan(['sketch', await folderOf({ 'a.txt': 'no weights' })])).rejects.toThrow(
      'holds no weights that can be read',
    )

    const before = await (await fetch(`${hub().url}/api/lineage/export`)).text()
    expect(await hub().runCli(['lineage', 'rebuild'])).toContain('placed 6 models')
    expect(await (await fetch(`${hub().url}/api/lineage/export`)).text()).toBe(before)

    // As if all had come at once: what cards name and weights bear out is enough for these.
    const parentsIn = (lines: string) =>
      Object.fromEntries(
        lines
          .trim()
          .split('\n')
          .map(line => JSON.parse(line))
          .map(({ id, parents }) => [id, parents.map((parent: { id: string }) => parent.id)]),
      )
    const guessed = parentsIn(await hub().runCli(['lineage', 'guess-order']))
    expect(guessed['ada/quantized']).toEqual(['ada/tuned'])
    expect(Object.keys(guessed).sort()).toEqual(Object.keys(parentsIn(before)).sort())
  })
})
