import { existsSync } from 'node:fs'
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadFile } from '@huggingface/hub'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ByteCounter, countBytes } from './byte-counter.ts'
import {
  bytesBelow,
  changedInTheMiddle,
  hashes,
  MINILM,
  MINILM_WEIGHTS,
  SILERO,
  sha256,
  sha256OfFile,
} from './inputs.ts'
import { folderOf, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

/**
 * What goes in by one door comes out of every other, and what the hub has is neither sent nor stored again. All
 * traffic passes a meter. The tests build on each other, in this order.
 */
describe('crossings', () => {
  let meter: ByteCounter
  let weights: { size: number; sha256: string }
  beforeAll(async () => {
    meter = await countBytes(hub().port)
    weights = { size: (await stat(MINILM_WEIGHTS)).size, sha256: await sha256OfFile(MINILM_WEIGHTS) }
  })
  afterAll(() => meter.close())

  /** A sketch is no second copy of weights; a job keeps it some time after a push (0.8 % of these). */
  const stored = async () => {
    const objects = join(hub().data, 'objects')
    const sketches = join(objects, 'sketches')
    return (await bytesBelow(objects)) - (existsSync(sketches) ? await bytesBelow(sketches) : 0)
  }

  /** Runs `work`; gives what went over the wire and what was stored meanwhile, as parts of the weights' size. */
  async function cost(work: () => Promise<unknown>): Promise<{ travelled: number; kept: number }> {
    const before = await stored()
    meter.reset()
    await work()
    const travelled = (meter.sent + meter.received) / weights.size
    return { travelled, kept: ((await stored()) - before) / weights.size }
  }

  /** Pushes with `huggingface_hub` from a machine that has pushed nothing before: no cache of its own helps it. */
  const pushByXet = async (repo: string, files: Readonly<Record<string, string>>) => {
    const ada = await newMachine(meter.url, hub().token)
    await ada.python('push', { repo, files })
  }

  const pushByGit = async (repo: string, fill: (folder: string) => Promise<void>) => {
    const ada = await newMachine(meter.url, hub().token)
    await ada.run('hf', ['repos', 'create', repo, '--exist-ok'])
    const folder = await temporaryFolder()
    await ada.run('git', [
      'clone',
      '--quiet',
      `${meter.url.replace('://', `://ada:${hub().token}@`)}/${repo}`,
      folder,
    ])
    await fill(folder)
    await ada.run('git', ['add', '.'], { cwd: folder })
    await ada.run('git', ['commit', '--quiet', '--message', 'By git'], { cwd: folder })
    await ada.run('git', ['push', '--quiet'], { cwd: folder })
  }

  const readByGit = async (repo: string) => {
    const folder = await temporaryFolder()
    await (await newMachine(hub().url)).run('git', ['clone', '--quiet', `${hub().url}/${repo}`, folder])
    return hashes(folder)
  }
  const readByPython = async (repo: string, xet: boolean) => {
    const env: Record<string, string> = xet ? {} : { HF_HUB_DISABLE_XET: '1' }
    const { path } = await (await newMachine(hub().url)).python<{ path: string }>(
      'pull',
      { repo, xet },
      { env },
    )
    return hashes(path)
  }
  const readByCurl = async (repo: string, path: string) => {
    const target = join(await temporaryFolder(), 'file')
    const url = `${hub().url}/${repo}/resolve/main/${path}`
    await (await newMachine(hub().url)).run('curl', ['--silent', '--fail', '--location', '-o', target, url])
    return sha256OfFile(target)
  }
  const readByJavaScript = async (repo: string, path: string, xet: boolean) => {
    const blob = await downloadFile({ repo, path, xet, hubUrl: hub().url })
    return sha256(new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)))
  }

  it('takes a model by Xet, and the meter sees its bytes pass', async () => {
    const { travelled, kept } = await cost(async () => {
      const ada = await newMachine(meter.url, hub().token)
      await ada.python('push', { repo: 'ada/minilm', folder: MINILM })
    })
    expect(travelled).toBeGreaterThan(0.7)
    expect(travelled).toBeLessThan(1.1)
    expect(kept).toBeGreaterThan(0.7)
    expect(kept).toBeLessThan(1.05)
  })

  it('gives what came by Xet to git-lfs, curl, LFS and Xet clients, byte-equal', async () => {
    const { '.gitattributes': _, ...wanted } = await hashes(MINILM)
    expect(await readByGit('ada/minilm')).toMatchObject(wanted)
    expect(await readByPython('ada/minilm', true)).toMatchObject(wanted)
    expect(await readByPython('ada/minilm', false)).toMatchObject(wanted)
    expect(await readByCurl('ada/minilm', 'model.safetensors')).toBe(weights.sha256)
    expect(await readByJavaScript('ada/minilm', 'model.safetensors', true)).toBe(weights.sha256)
    expect(await readByJavaScript('ada/minilm', 'model.safetensors', false)).toBe(weights.sha256)
  })

  it('gives what came by git-lfs to Xet clients, curl and git, byte-equal', async () => {
    await pushByGit('ada/voice', async folder => {
      await writeFile(join(folder, '.gitattributes'), '*.jit filter=lfs diff=lfs merge=lfs -text\n', {
        flag: 'a',
      })
      for (const name of Object.keys(await hashes(SILERO)))
        await copyFile(join(SILERO, name), join(folder, name))
    })
    const wanted = await hashes(SILERO)
    expect(await readByPython('ada/voice', true)).toMatchObject(wanted)
    expect(await readByPython('ada/voice', false)).toMatchObject(wanted)
    expect(await readByGit('ada/voice')).toMatchObject(wanted)
    for (const [path, digest] of Object.entries(wanted)) {
      expect(await readByCurl('ada/voice', path)).toBe(digest)
      expect(await readByJavaScript('ada/voice', path, true)).toBe(digest)
    }
  })

  it.each([
    ['another repository', 'ada/minilm-again', 'model.safetensors'],
    ['another path', 'ada/minilm', 'copies/renamed.safetensors'],
    ['an organisation', 'acme/minilm', 'weights.safetensors'],
  ])(
    'takes the same weights by Xet into %s, and neither moves nor stores them',
    async (_where, repo, path) => {
      const { travelled, kept } = await cost(() => pushByXet(repo, { [path]: MINILM_WEIGHTS }))
      expect(travelled).toBeLessThanOrEqual(0.005)
      expect(kept).toBeLessThanOrEqual(0.005)
      expect(await readByCurl(repo, path)).toBe(weights.sha256)
    },
  )

  it('takes the same weights by git-lfs into another repository, and neither moves nor stores them', async () => {
    const { travelled, kept } = await cost(() =>
      pushByGit('ada/minilm-git', folder => copyFile(MINILM_WEIGHTS, join(folder, 'model.safetensors'))),
    )
    expect(travelled).toBeLessThanOrEqual(0.005)
    expect(kept).toBeLessThanOrEqual(0.005)
    expect((await readByPython('ada/minilm-git', true))['model.safetensors']).toBe(weights.sha256)
  })

  it('stores little more when 1 MB in the middle is another, by Xet', async () => {
    const changed = await changedInTheMiddle(MINILM_WEIGHTS, 1_000_000, 'by Xet')
    const folder = await folderOf({ 'model.safetensors': changed })
    const files = { 'model.safetensors': join(folder, 'model.safetensors') }
    const { travelled, kept } = await cost(() => pushByXet('ada/minilm', files))
    expect(kept).toBeLessThanOrEqual(0.03)
    expect(kept).toBeGreaterThan(0.01) // the new megabyte is there
    expect(travelled).toBeLessThanOrEqual(0.03)
    expect(await readByCurl('ada/minilm', 'model.safetensors')).toBe(sha256(changed))
  })

  it('stores little more when 1 MB in the middle is another, by git-lfs', async () => {
    const changed = await changedInTheMiddle(MINILM_WEIGHTS, 1_000_000, 'by git-lfs')
    const { kept } = await cost(() =>
      pushByGit('ada/minilm-git', folder => writeFile(join(folder, 'model.safetensors'), changed)),
    )
    expect(kept).toBeLessThanOrEqual(0.03)
    expect(kept).toBeGreaterThan(0.01)
    expect((await readByPython('ada/minilm-git', true))['model.safetensors']).toBe(sha256(changed))
  })

  it('is whole afterwards, to the last byte, by its own deep check', async () => {
    await hub().runCli(['fsck', '--deep'])
    expect(sha256(await readFile(MINILM_WEIGHTS))).toBe(weights.sha256)
  })
})
