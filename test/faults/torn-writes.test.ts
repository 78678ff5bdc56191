import { expect, it, vi } from 'vitest'
import { openFilesystemObjects } from '../../server/drivers/objects-filesystem.ts'
import type { ObjectStore } from '../../server/ports/objects.ts'
import { ModelDisk } from './model-disk.ts'
import { mount } from './model-fs.ts'
import { faultSeed, Random } from './random.ts'

/**
 * Power cuts under the filesystem driver: it runs on a disk that keeps nothing but what was synced, and the plug is
 * pulled before each of its operations. Whatever was acknowledged must be whole afterwards, whatever was not whole or
 * absent, and the next start tidies up.
 */
vi.mock('node:fs/promises', async () => {
  const { modelFs } = await import('./model-fs.ts')
  return { ...modelFs, default: modelFs }
})

const root = '/var/data/objects'
const cache = '/var/data/cache'
const runs = Number(process.env.BANYAN_TORN_RUNS ?? 10)
/** That many different remains are looked at for each moment of a power cut. */
const remainsPerCut = 6

/** What may be found under a key: one of `allowed`, or nothing unless `isPromised`. */
interface Promised {
  readonly allowed: readonly Buffer[]
  readonly isPromised: boolean
}

interface Cut {
  readonly remains: ModelDisk
  readonly promised: ReadonlyMap<string, Promised>
  /** Local copies outlive what they were made of. */
  readonly everPut: readonly Buffer[]
}

/** One run of the driver, with the cuts that might have ended it. */
class Run {
  readonly cuts: Cut[] = []
  readonly disk = new ModelDisk()
  readonly #random: Random
  readonly #promised = new Map<string, Promised>()
  readonly #everPut: Buffer[] = []
  #serial = 0

  constructor(random: Random) {
    this.#random = random
    this.disk.turns = () => random.below(3)
    this.disk.onOperation = () => this.#cut()
  }

  #cut(): void {
    const promised = new Map(this.#promised)
    for (let i = 0; i < remainsPerCut; i++) {
      // Nothing that was not synced, all of it, or some.
      const chance = i === 0 ? 0 : i === 1 ? 1 : this.#random.next()
      this.cuts.push({
        remains: this.disk.afterPowerCut(this.#random, chance),
        promised,
        everPut: this.#everPut,
      })
    }
  }

  async steps(
    count: number,
    kinds = ['put', 'stream', 'stage', 'again', 'both', 'delete', 'copy'],
  ): Promise<void> {
    mount(this.disk)
    // Two processes over one folder, as a server and a command are.
    const stores = [await openFilesystemObjects(root), await openFilesystemObjects(root)]
    for (let i = 0; i < count; i++) await this.#step(this.#random.pick(kinds), stores)
    this.#cut()
    for (const store of stores) await store.close()
  }

  async #step(kind: string, stores: ObjectStore[]): Promise<void> {
    const random = this.#random
    const store = random.pick(stores)
    const known = [...this.#promised.keys()]
    const key = `${random.pick(['', 'a/', 'a/b/', 'c/d/'])}${this.#serial++}`
    const bytes = random.bytes(random.below(2000))
    const old = known.length > 0 ? random.pick(known) : key
    if (kind === 'put') await this.#storing(key, bytes, () => store.put(key, bytes))
    if (kind === 'stream') await this.#storing(key, bytes, () => store.put(key, inPieces(bytes)))
    if (kind === 'stage') {
      const staged = await store.stage()
      for await (const piece of inPieces(bytes)) await staged.append([piece])
      if (random.next() < 0.2) await staged.discard()
      else await this.#storing(key, bytes, () => staged.commit(key))
    }
    if (kind === 'both')
      await Promise.all(
        stores.map(async each => {
          for (let turns = random.below(60); turns > 0; turns--) await undefined
          await this.#storing(key, bytes, () => each.put(key, bytes))
        }),
      )
    const [present] = this.#promised.get(old)?.allowed ?? []
    if (kind === 'again' && present && this.#promised.get(old)?.isPromised)
      await this.#storing(old, present, () => store.put(old, present))
    if (kind === 'delete' && present) {
      this.#promised.set(old, { allowed: this.#promised.get(old)!.allowed, isPromised: false })
      await store.delete(old)
      // A part of an upload comes again with other bytes.
      if (random.next() < 0.5) await this.#storing(old, bytes, () => store.put(old, bytes))
    }
    if (kind === 'copy' && this.#promised.get(old)?.isPromised)
      await store.materialise(old, `${cache}/${old.replaceAll('/', '-')}`)
  }

  /**
   * Two processes put the same new object. The first halts before its operation `halt` until the second has been told
   * that it is stored, or there. False when the first has no such operation.
   */
  async meeting(isFolderNew: boolean, halt: number): Promise<boolean> {
    mount(this.disk)
    this.disk.turns = () => 0
    const stores = [await openFilesystemObjects(root), await openFilesystemObjects(root)] as const
    const bytes = this.#random.bytes(100)
    const put = (n: 0 | 1) =>
      this.#storing('new/folder/key', bytes, () => stores[n].put('new/folder/key', bytes))
    for (const [n, store] of isFolderNew ? [] : stores.entries())
      await this.#storing(`new/folder/${n}`, bytes, () => store.put(`new/folder/${n}`, bytes))
    const halted = Promise.withResolvers<boolean>()
    const goOn = Promise.withResolvers<void>()
    let operations = 0
    this.disk.hold = () => {
      if (operations++ !== halt) return undefined
      halted.resolve(true)
      return goOn.promise
    }
    const first = put(0).then(() => halted.resolve(false))
    const hasHalted = await halted.promise
    this.disk.hold = () => undefined
    await put(1)
    this.#cut()
    goOn.resolve()
    await first
    for (const store of stores) await store.close()
    return hasHalted
  }

  async #storing(key: string, bytes: Buffer, store: () => Promise<unknown>): Promise<void> {
    const before = this.#promised.get(key)
    this.#everPut.push(bytes)
    const allowed = [...(before?.allowed ?? []), bytes]
    this.#promised.set(key, { allowed, isPromised: before?.isPromised ?? false })
    await store()
    this.#promised.set(key, { allowed: [bytes], isPromised: true })
  }
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700)
}

/** What is wrong after a power cut; undefined when nothing is. */
function faultOf({ remains, promised, everPut }: Cut): string | undefined {
  const files = remains.files()
  for (const [key, { allowed, isPromised }] of promised) {
    const found = files.get(`${root}/${key}`)
    if (!found && isPromised) return `${key} was acknowledged and is gone`
    if (found && !allowed.some(bytes => bytes.equals(found))) return `${key} is torn: ${found.length} bytes`
  }
  for (const [path, bytes] of files) {
    if (path.startsWith(`${root}/`)) {
      const key = path.slice(root.length + 1)
      if (!key.startsWith('.tmp/') && !promised.has(key)) return `${key} was never put`
    } else if (!path.endsWith('.tmp') && !everPut.some(put => put.equals(bytes))) return `${path} is torn`
  }
  return undefined
}

/** What a start makes of the remains: the same objects, and nothing else. */
async function faultAfterStart(cut: Cut): Promise<string | undefined> {
  mount(cut.remains)
  const store = await openFilesystemObjects(root)
  for await (const { key, size } of store.list('')) {
    const found = Buffer.from(await store.read(key, 0, size))
    if (!cut.promised.get(key)?.allowed.some(bytes => bytes.equals(found))) return `${key} is read otherwise`
  }
  await store.close()
  const left = [...cut.remains.files().keys()].filter(path => path.startsWith(`${root}/.tmp/`))
  return left.length === 0 ? faultOf(cut) : `${left} is left after a start`
}

async function firstFault(run: Run): Promise<string | undefined> {
  for (const [n, cut] of run.cuts.entries()) {
    const fault = faultOf(cut) ?? (n % 20 === 0 ? await faultAfterStart(cut) : undefined)
    if (fault !== undefined) return fault
  }
  return undefined
}

it.each([true, false])(
  `keeps what it has acknowledged, whole (seed ${faultSeed}, hard links: %s)`,
  async hasLinks => {
    console.log(`torn writes: BANYAN_FAULT_SEED=${faultSeed}`)
    const random = new Random()
    let cuts = 0
    for (let i = 0; i < runs; i++) {
      const run = new Run(random)
      run.disk.hasLinks = hasLinks
      await run.steps(8)
      cuts += run.cuts.length
      expect(await firstFault(run)).toBeUndefined()
    }
    expect(cuts).toBeGreaterThan(runs * 100)
  },
)

/** Each sync of the driver is needed: on a disk that skips it, something is lost. */
it.each([
  ['the bytes that are put', ['put'], 'file', /\.tmp/],
  ['the bytes of a stream', ['stream'], 'file', /\.tmp/],
  ['the bytes that are staged', ['stage'], 'file', /\.tmp/],
  ['the name of an object', ['put', 'stage'], 'folder', /objects\/(a|c|a\/b|c\/d)$/],
  ['the name of an object beside which nothing is', ['put'], 'folder', /objects$/],
  ['the names of the folders above it', ['put'], 'folder', /objects\/(a|c)$/],
  ['the name of the whole store', ['put'], 'folder', /^\/var\/data$/],
  ['the name of the folder that the store is in', ['put'], 'folder', /^\/var$/],
  ['the bytes of a local copy', ['put', 'copy'], 'file', /cache/],
] as const)('loses something on a disk that does not sync %s', async (_, kinds, kind, path) => {
  const random = new Random(1)
  let fault: string | undefined
  for (let i = 0; i < 10 && fault === undefined; i++) {
    const run = new Run(random)
    run.disk.hasLinks = !kinds.includes('copy' as never)
    run.disk.lies = (synced, where) => synced === kind && path.test(where)
    await run.steps(8, [...kinds])
    fault = await firstFault(run)
  }
  expect(fault).toMatch(/gone|torn/)
})

it.each([true, false])('keeps what two processes put at once (the folder is new: %s)', async isFolderNew => {
  for (let halt = 0; ; halt++) {
    const run = new Run(new Random(halt))
    const hasHalted = await run.meeting(isFolderNew, halt)
    expect([halt, await firstFault(run)]).toEqual([halt, undefined])
    if (hasHalted) continue
    expect(halt).toBeGreaterThan(4)
    break
  }
})
