import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { noise, sha256 } from './inputs.ts'
import { folderOf, type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

/** Programs that speak to a hub without a client library of its maker. */
describe('what is spoken without huggingface_hub', () => {
  const gguf = Buffer.from(noise(3_000_000, 'gguf'))
  const repo = 'ada/tiny-GGUF'
  let ada: Machine

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    const folder = await folderOf({
      'tiny-Q4_K_M.gguf': gguf,
      'config.json': '{"model_type":"tiny"}',
      'model-00001-of-00002.safetensors': noise(200_000, 'one'),
      'model-00002-of-00002.safetensors': noise(200_000, 'two'),
    })
    await ada.run('hf', ['repos', 'create', repo, '--private'])
    await ada.run('hf', ['upload', repo, folder])
  })

  // llama.cpp: `common/hf-cache.cpp`, `common/download.cpp`.
  it('llama.cpp -hf: refs, the tree in one page, HEAD, GET, and the rest of a file', async () => {
    const headers = { authorization: `Bearer ${hub().token}`, 'user-agent': 'llama-cpp' }
    const get = async <Shape>(path: string) => {
      const answer = await fetch(`${hub().url}${path}`, { headers })
      expect(answer.status).toBe(200)
      return (await answer.json()) as Shape
    }
    const refs = await get<{ branches: { name: string; targetCommit: string }[] }>(`/api/models/${repo}/refs`)
    const commit = refs.branches.find(branch => branch.name === 'main')?.targetCommit
    expect(commit).toMatch(/^[0-9a-f]{40}$/)
    const tree = await get<{ path: string; oid: string }[]>(
      `/api/models/${repo}/tree/${commit}?recursive=true`,
    )
    const file = tree.find(entry => entry.path.endsWith('.gguf'))
    expect(file).toMatchObject({ type: 'file', size: gguf.length, lfs: { oid: sha256(gguf) } })
    expect(file?.oid).toMatch(/^[0-9a-f]{40}$/)

    const url = `${hub().url}/${repo}/resolve/${commit}/${file?.path}`
    const head = await fetch(url, { method: 'HEAD', headers })
    expect(head.status).toBe(200)
    expect(head.headers.get('accept-ranges')).toBe('bytes')
    expect(head.headers.get('content-length')).toBe(String(gguf.length))
    expect(head.headers.get('etag')).toBe(`"${sha256(gguf)}"`)
    const rest = await fetch(url, { headers: { ...headers, range: 'bytes=1000000-' } })
    expect(rest.status).toBe(206)
    expect(Buffer.from(await rest.arrayBuffer()).equals(gguf.subarray(1_000_000))).toBe(true)
  })

  // vLLM: `transformers_utils/repo_utils.py`, `model_executor/model_loader/weight_utils.py`.
  it('vLLM: which files there are, the configuration, the weights alone', async () => {
    const seen = await ada.python<{ glob: string[]; files: string[]; weights: string[] }>('vllm', { repo })
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    expect(seen.files).toEqual(['.gitattributes', 'config.json', ...shards, 'tiny-Q4_K_M.gguf'])
    expect(seen.glob).toEqual(shards.map(name => `${repo}/${name}`))
    expect(seen.weights).toEqual(shards)
  })

  it('wget: a file, and the rest of one', async () => {
    const folder = await temporaryFolder()
    const url = `${hub().url}/${repo}/resolve/main/tiny-Q4_K_M.gguf`
    const wget = (...more: string[]) =>
      ada.run('wget', ['--quiet', `--header=Authorization: Bearer ${hub().token}`, ...more, url], {
        cwd: folder,
      })
    const path = join(folder, 'tiny-Q4_K_M.gguf')
    await wget()
    expect(sha256(await readFile(path))).toBe(sha256(gguf))
    await truncate(path, 1_000_000)
    await wget('--continue')
    expect(sha256(await readFile(path))).toBe(sha256(gguf))
  })
})
