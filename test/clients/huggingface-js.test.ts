import { pathToFileURL } from 'node:url'
import {
  checkRepoAccess,
  commit,
  countCommits,
  createBranch,
  createRepo,
  deleteBranch,
  deleteFile,
  deleteRepo,
  downloadFile,
  fileDownloadInfo,
  fileExists,
  HubApiError,
  listCommits,
  listFiles,
  listModels,
  modelInfo,
  parseSafetensorsMetadata,
  pathsInfo,
  repoExists,
  uploadFile,
  uploadFiles,
  whoAmI,
} from '@huggingface/hub'
import { describe, expect, it } from 'vitest'
import { hashes, noise, SILERO, sha256, sha256OfFile } from './inputs.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()
const ada = () => ({ hubUrl: hub().url, accessToken: hub().token })
const bob = () => ({ hubUrl: hub().url, accessToken: hub().stranger.token })
const anyone = () => ({ hubUrl: hub().url })

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

async function bytesOf(blob: Blob | null): Promise<Uint8Array> {
  if (!blob) throw new Error('no such file')
  return new Uint8Array(await blob.arrayBuffer())
}

describe('@huggingface/hub', () => {
  it('knows whose the token is', async () => {
    expect(await whoAmI(ada())).toMatchObject({ type: 'user', name: 'ada', orgs: [{ name: 'acme' }] })
    await expect(whoAmI({ ...anyone(), accessToken: `hf_${'w'.repeat(34)}` })).rejects.toMatchObject({
      statusCode: 401,
    })
  })

  it('creates and deletes repositories of each type', async () => {
    for (const type of ['model', 'dataset', 'space'] as const) {
      const repo = { type, name: 'ada/js-made' }
      expect(await repoExists({ repo, ...ada() })).toBe(false)
      const made = await createRepo({
        repo,
        visibility: 'private',
        ...(type === 'space' ? { sdk: 'static' } : {}),
        ...ada(),
      })
      expect(made.repoUrl).toBe(`${hub().url}/${type === 'model' ? '' : `${type}s/`}ada/js-made`)
      expect(made.id).toBeTruthy()
      expect(await repoExists({ repo, ...ada() })).toBe(true)
      expect(await repoExists({ repo, ...bob() })).toBe(false)
      await expect(createRepo({ repo, ...ada() })).rejects.toMatchObject({ statusCode: 409 })
      await deleteRepo({ repo, ...ada() })
      expect(await repoExists({ repo, ...ada() })).toBe(false)
    }
  })

  it('creates with a licence and files', async () => {
    const repo = 'ada/js-licensed'
    const files = [{ path: 'hello.txt', content: new Blob(['hello']) }]
    await createRepo({ repo, license: 'mit', files, ...ada() })
    const readme = await downloadFile({ repo, path: 'README.md', ...anyone() })
    expect(await readme?.text()).toContain('license: mit')
    const hello = await downloadFile({ repo, path: 'hello.txt', ...anyone() })
    expect(await hello?.text()).toBe('hello')
  })

  it.each([
    { way: 'by Xet when the hub offers it', useXet: true },
    { way: 'by LFS', useXet: false },
  ])('uploads files $way and downloads them, byte-equal', async ({ useXet }) => {
    const repo = { type: 'model' as const, name: `ada/js-files-${useXet}` }
    await createRepo({ repo, ...ada() })
    // `.onnx` is large by the default .gitattributes, README.md and the text are not.
    const big = noise(12_000_000, `js ${useXet}`)
    const done = await uploadFiles({
      repo,
      ...ada(),
      useXet,
      commitTitle: 'Files from JavaScript',
      files: [
        pathToFileURL(`${SILERO}/silero_vad_16k.safetensors`),
        { path: 'onnx/model.onnx', content: pathToFileURL(`${SILERO}/silero_vad_half.onnx`) },
        { path: 'big.bin', content: new Blob([big as Uint8Array<ArrayBuffer>]) },
        { path: 'README.md', content: new Blob(['---\nlicense: mit\n---\n# From JavaScript\n']) },
        { path: 'text/notes.txt', content: new Blob(['notes\n']) },
        { path: 'text/empty.txt', content: new Blob([]) },
      ],
    })
    expect(done?.commit.oid).toMatch(/^[0-9a-f]{40}$/)
    expect(done?.commit.url).toBe(`${hub().url}/${repo.name}/commit/${done?.commit.oid}`)

    const listed = await all(listFiles({ repo, recursive: true, ...anyone() }))
    expect(listed.map(entry => `${entry.type} ${entry.path} ${entry.size}`).sort()).toEqual([
      'directory onnx 0',
      'directory text 0',
      expect.stringMatching(/^file \.gitattributes \d+$/),
      'file README.md 39',
      'file big.bin 12000000',
      'file onnx/model.onnx 1280395',
      'file silero_vad_16k.safetensors 1239748',
      'file text/empty.txt 0',
      'file text/notes.txt 6',
    ])
    const weights = listed.find(entry => entry.path === 'silero_vad_16k.safetensors')
    const wanted = await sha256OfFile(`${SILERO}/silero_vad_16k.safetensors`)
    expect(weights?.lfs?.oid).toBe(wanted)
    expect(weights?.xetHash).toMatch(/^[0-9a-f]{64}$/)

    for (const xet of [true, false]) {
      const load = async (path: string) =>
        sha256(await bytesOf(await downloadFile({ repo, path, xet, ...anyone() })))
      expect(await load('silero_vad_16k.safetensors')).toBe(wanted)
      expect(await load('onnx/model.onnx')).toBe((await hashes(SILERO))['silero_vad_half.onnx'])
      expect(await load('big.bin')).toBe(sha256(big))
      expect(await load('text/notes.txt')).toBe(sha256(Buffer.from('notes\n')))
      // It asks for `bytes=0-0` and takes the size from Content-Range, of an empty file too; 416 is a failure to it.
      expect(await load('text/empty.txt')).toBe(sha256(new Uint8Array()))
    }
    const part = await downloadFile({ repo, path: 'big.bin', ...anyone() })
    expect(sha256(await bytesOf(part?.slice(5_000_000, 5_100_000) ?? null))).toBe(
      sha256(big.slice(5_000_000, 5_100_000)),
    )
  })

  it('tells of a file: size, etag, Xet hash, pointer text, tensors', async () => {
    const repo = 'ada/js-info'
    await createRepo({ repo, ...ada() })
    const file = pathToFileURL(`${SILERO}/silero_vad_16k.safetensors`)
    await uploadFile({ repo, file: { path: 'model.safetensors', content: file }, ...ada() })
    const digest = await sha256OfFile(`${SILERO}/silero_vad_16k.safetensors`)

    const info = await fileDownloadInfo({ repo, path: 'model.safetensors', ...anyone() })
    expect(info).toMatchObject({ size: 1_239_748, etag: expect.stringContaining(digest) })
    expect(info?.xet?.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(await fileDownloadInfo({ repo, path: 'absent', ...anyone() })).toBeNull()
    const pointer = await downloadFile({ repo, path: 'model.safetensors', raw: true, ...anyone() })
    expect(await pointer?.text()).toBe(
      `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize 1239748\n`,
    )
    expect(await fileExists({ repo, path: 'model.safetensors', ...anyone() })).toBe(true)
    expect(await fileExists({ repo, path: 'absent', ...anyone() })).toBe(false)
    const [entry] = await pathsInfo({
      repo,
      paths: ['model.safetensors', 'absent'],
      expand: true,
      ...anyone(),
    })
    expect(entry).toMatchObject({ path: 'model.safetensors', lastCommit: { title: expect.any(String) } })
    const tensors = await parseSafetensorsMetadata({ repo, ...anyone() })
    expect(tensors.sharded).toBe(false)
  })

  it('commits adds and deletes at once, on branches, with a parent that must be the newest', async () => {
    const repo = 'datasets/ada/js-commits'
    await createRepo({ repo, ...ada() })
    const text = (content: string) => new Blob([content])
    const add = (path: string, content: string) => ({
      operation: 'addOrUpdate' as const,
      path,
      content: text(content),
    })
    const first = await commit({
      repo,
      title: 'Two files',
      operations: [add('a.txt', 'a'), add('b/c.txt', 'c')],
      ...ada(),
    })
    const second = await commit({
      repo,
      title: 'One goes, one changes',
      description: 'with a reason',
      operations: [{ operation: 'delete', path: 'a.txt' }, add('b/c.txt', 'changed')],
      ...(first ? { parentCommit: first.commit.oid } : {}),
      ...ada(),
    })
    const paths = async (revision: string) =>
      (await all(listFiles({ repo, recursive: true, revision, ...anyone() }))).map(entry => entry.path).sort()
    expect(await paths('main')).toEqual(['.gitattributes', 'b', 'b/c.txt'])
    expect(await paths(first?.commit.oid ?? '')).toEqual(['.gitattributes', 'a.txt', 'b', 'b/c.txt'])
    const stale = { repo, title: 'Late', operations: [add('d.txt', 'd')], ...ada() }
    await expect(commit({ ...stale, parentCommit: first?.commit.oid ?? '' })).rejects.toMatchObject({
      statusCode: 412,
    })

    await createBranch({ repo, branch: 'old', revision: first?.commit.oid ?? '', ...ada() })
    await createBranch({ repo, branch: 'blank', empty: true, ...ada() })
    await expect(createBranch({ repo, branch: 'old', ...ada() })).rejects.toMatchObject({ statusCode: 409 })
    await uploadFile({ repo, branch: 'old', file: { path: 'e.txt', content: text('e') }, ...ada() })
    expect(await paths('old')).toEqual(['.gitattributes', 'a.txt', 'b', 'b/c.txt', 'e.txt'])
    await deleteFile({ repo, branch: 'old', path: 'e.txt', ...ada() })
    expect(await fileExists({ repo, revision: 'old', path: 'e.txt', ...anyone() })).toBe(false)
    await deleteBranch({ repo, branch: 'old', ...ada() })
    await expect(paths('old')).rejects.toMatchObject({ statusCode: 404 })

    const history = await all(listCommits({ repo, batchSize: 2, ...anyone() })) // two pages
    expect(history.map(({ oid, title }) => [oid, title])).toEqual([
      [second?.commit.oid, 'One goes, one changes'],
      [first?.commit.oid, 'Two files'],
      [expect.any(String), 'initial commit'],
    ])
    expect(history[0]).toMatchObject({ message: 'with a reason', authors: [{ username: 'ada' }] })
    expect(await countCommits({ repo, revision: 'main', ...anyone() })).toBe(3)
  })

  it('finds models, page after page, private ones only for those who may read them', async () => {
    for (const at of [1, 2, 3]) {
      const visibility = at === 3 ? 'private' : 'public'
      await createRepo({ repo: `acme/js-found-${at}`, visibility, ...ada() })
    }
    const names = async (who: object) =>
      (await all(listModels({ search: { owner: 'acme', query: 'js-found' }, ...who })))
        .map(model => model.name)
        .sort()
    expect(await names(ada())).toEqual(['acme/js-found-1', 'acme/js-found-2', 'acme/js-found-3'])
    expect(await names(bob())).toEqual(['acme/js-found-1', 'acme/js-found-2'])
    expect(await names(anyone())).toEqual(['acme/js-found-1', 'acme/js-found-2'])
    expect(await modelInfo({ name: 'acme/js-found-3', ...ada() })).toMatchObject({ private: true })
  })

  it('throws HubApiError with status and request id', async () => {
    await checkRepoAccess({ repo: 'ada/js-info', ...anyone() }).catch(() => {
      throw new Error('a public repository must be open to anyone')
    })
    const refusal = (promise: Promise<unknown>) =>
      promise.then(
        () => undefined,
        (error: HubApiError) => [error instanceof HubApiError, error.statusCode, typeof error.requestId],
      )
    const absent = { repo: 'ada/absent' }
    expect(await refusal(checkRepoAccess({ ...absent, ...anyone() }))).toEqual([true, 401, 'string'])
    expect(await refusal(checkRepoAccess({ ...absent, ...ada() }))).toEqual([true, 404, 'string'])
    expect(await refusal(all(listFiles({ ...absent, ...ada() })))).toEqual([true, 404, 'string'])
    expect(await refusal(downloadFile({ ...absent, path: 'a', ...ada() }))).toEqual([true, 404, 'string'])
    const foreign = { repo: 'ada/js-info', file: { path: 'x.txt', content: new Blob(['x']) } }
    expect(await refusal(uploadFile({ ...foreign, ...bob() }))).toEqual([true, 403, 'string'])
  })
})
