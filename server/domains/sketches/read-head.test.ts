import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'
import { decodeSketch } from './index.ts'
import { configOf, makeModel, pushModel, safetensorsOf, settled } from './model-for-test.suite.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'ada', token: { value: 'ada', name: 't', role: 'write' } })
})
afterAll(() => hub.close())

const headOf = async (name: string) => {
  const { id } = await hub.hub.repos.find('model', 'ada', name)
  return await hub.hub.sketches.headOf(id)
}
const weights = safetensorsOf(makeModel(1))

describe('what is known of the weights of a model', () => {
  it('is a sketch, one for all who have the same bytes', async () => {
    await pushModel(hub, 'ada', 'ada/first', weights, { 'config.json': configOf() })
    await pushModel(hub, 'ada', 'ada/copy', weights, { 'config.json': configOf(), 'README.md': 'A copy.' })
    await settled(hub)
    const [first, copy] = [await headOf('first'), await headOf('copy')]
    expect(first).toMatchObject({ status: 'done', findings: null })
    expect(copy?.sketch_key).toBe(first?.sketch_key)
    expect(copy!.arrived_at! >= first!.arrived_at!).toBe(true)
    const key = first!.sketch_key!
    expect(await hub.hub.sketches.find(key)).toMatchObject({ format: 'safetensors', findings: '[]' })
    expect(decodeSketch(await hub.hub.sketches.read(key))).toMatchObject({ heads: 4, kvHeads: 4 })
  })

  it('stays when the card changes, and its arrival with it', async () => {
    const before = await headOf('copy')
    await hub.as('ada').commit('ada/copy', { 'README.md': 'Another card.' })
    await settled(hub)
    const after = await headOf('copy')
    expect(after).toMatchObject({
      status: 'done',
      arrived_at: before!.arrived_at,
      sketch_key: before!.sketch_key,
    })
    expect(after!.commit_id).not.toBe(before!.commit_id)
  })

  it('is nothing where there are no weights', async () => {
    await hub.as('ada').post('/api/repos/create', { name: 'empty' })
    await settled(hub)
    expect(await headOf('empty')).toMatchObject({ status: 'no-weights', sketch_key: null })
  })

  it('is a finding where the file lies', async () => {
    const lying = Buffer.from(weights)
    lying.writeBigUInt64LE(2n ** 62n)
    await pushModel(hub, 'ada', 'ada/lying', lying)
    await settled(hub)
    const head = await headOf('lying')
    expect(head?.status).toBe('unreadable')
    expect(JSON.parse(head!.findings!)).toMatchObject([{ kind: 'malformed', file: 'model.safetensors' }])
  })

  it('goes with the last repository that has it, after the grace period', async () => {
    const { sketch_key: key } = (await headOf('first'))!
    const collect = (needed: readonly string[] = []) =>
      hub.hub.sketches.collect({ dryRun: false, graceMs: -1, needed: async () => new Set(needed) })
    await hub.as('ada').delete('/api/repos/delete', { name: 'first' })
    expect((await collect()).objects).toBe(0)
    await hub.as('ada').delete('/api/repos/delete', { name: 'copy' })
    expect((await collect([key!])).objects).toBe(0)
    expect((await collect()).objects).toBe(1)
    await expect(hub.hub.sketches.read(key!)).rejects.toThrow('is not in the store')
  })
})
