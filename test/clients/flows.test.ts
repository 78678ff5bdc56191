import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { bytesBelow, hashes, noise } from './inputs.ts'
import { folderOf, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

/** What people do with several programs at once, or with one for a long time. */

const hub = useHub()

it('pandas and duckdb read and write parquet by hf://', async () => {
  const ada = await newMachine(hub().url, hub().token)
  await ada.run('hf', ['repos', 'create', 'ada/table', '--repo-type', 'dataset'])
  expect(await ada.python('hf_paths', { repo: 'ada/table' })).toEqual({
    pandas: [1000, 499_500],
    duckdb: [100, 999, 'row 900'],
    files: ['.gitattributes', 'copy.parquet'],
    end: 'PAR1',
  })
})

it('a CommitScheduler pushes a log that grows', async () => {
  const ada = await newMachine(hub().url, hub().token)
  const folder = await temporaryFolder()
  expect(await ada.python('commit_scheduler', { repo: 'ada/log', folder })).toEqual({
    text: '{"line": "one"}\n{"line": "two"}\n',
    titles: ['Scheduled Commit', 'initial commit'],
  })
})

it('git pushes a thousand files on three branches, and clones them', async () => {
  const ada = await newMachine(hub().url, hub().token)
  await ada.run('hf', ['repos', 'create', 'ada/thousand'])
  const address = `${hub().url.replace('://', `://ada:${hub().token}@`)}/ada/thousand`
  const work = await temporaryFolder()
  const git = async (cwd: string, ...args: string[]) => (await ada.run('git', args, { cwd })).trim()
  await git(work, 'clone', '--quiet', address, '.')
  for (let n = 0; n < 1000; n++) {
    const folder = join(work, `folder-${n % 20}`)
    if (n < 20) await mkdir(folder)
    await writeFile(join(folder, `${n}.txt`), `file ${n}\n`)
  }
  await git(work, 'add', '.')
  await git(work, 'commit', '--quiet', '--message', 'A thousand files')
  for (const branch of ['one', 'two']) {
    await git(work, 'checkout', '--quiet', '-b', branch, 'main')
    await writeFile(join(work, `${branch}.txt`), branch)
    await git(work, 'add', '.')
    await git(work, 'commit', '--quiet', '--message', branch)
  }
  await git(work, 'push', '--quiet', '--all')

  const clone = await temporaryFolder()
  await git(clone, 'clone', '--quiet', `${hub().url}/ada/thousand`, '.')
  for (const branch of ['main', 'one', 'two']) {
    await git(clone, 'checkout', '--quiet', branch)
    await git(work, 'checkout', '--quiet', branch)
    expect(await hashes(clone)).toEqual(await hashes(work))
  }
  const { files } = await ada.python<{ files: string[] }>('snapshot', {
    repo: 'ada/thousand',
    revision: 'two',
    allow: ['folder-7/*', 'two.txt'],
  })
  expect(files).toHaveLength(51)
})

it('an upload of shards that was killed goes on where it was: what has arrived is not sent again', async () => {
  const ada = await newMachine(hub().url, hub().token)
  const shard = (n: number) => `model-0000${n}-of-00008.safetensors`
  const size = 12 * 1024 * 1024
  const files = Array.from({ length: 8 }, (_, n) => [shard(n + 1), noise(size, `shard ${n}`)] as const)
  const folder = await folderOf(Object.fromEntries(files))
  await ada.run('hf', ['repos', 'create', 'ada/shards'])
  const pidFile = join(ada.home, 'pid')
  const mark = hub().logs().length
  const upload = ada.attempt('bash', [
    '-c',
    `echo $$ > ${pidFile}; exec hf upload ada/shards ${folder} . --quiet`,
  ])
  for (
    let waited = 0;
    !/"path":"\/cas\/v2\/shards","status":200/.test(hub().logs().slice(mark));
    waited += 10
  ) {
    if (waited > 60_000) throw new Error('no shard has arrived')
    await sleep(10)
  }
  process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL')
  expect((await upload).code).toBe('SIGKILL')
  const objects = join(hub().data, 'objects')
  const before = await bytesBelow(objects)

  await ada.run('hf', ['upload', 'ada/shards', folder, '.', '--quiet'])
  const anyone = await newMachine(hub().url)
  const { path } = await anyone.python<{ path: string }>('snapshot', {
    repo: 'ada/shards',
    allow: '*.safetensors',
  })
  expect(await hashes(path)).toEqual(await hashes(folder))
  expect((await bytesBelow(objects)) - before).toBeLessThan(size)
})

it('a pipeline of many folders is taken in parts, as diffusers does', async () => {
  const ada = await newMachine(hub().url, hub().token)
  const json = (value: object) => JSON.stringify(value)
  const folder = await folderOf({
    'model_index.json': json({ _class_name: 'StableDiffusionPipeline', unet: ['diffusers', 'UNet'] }),
    'unet/config.json': json({ _class_name: 'UNet2DConditionModel' }),
    'unet/diffusion_pytorch_model.safetensors': noise(2_000_000, 'unet'),
    'unet/diffusion_pytorch_model.fp16.safetensors': noise(1_000_000, 'unet fp16'),
    'unet/diffusion_pytorch_model.bin': noise(2_000_000, 'unet bin'),
    'vae/config.json': json({ _class_name: 'AutoencoderKL' }),
    'vae/diffusion_pytorch_model.fp16.safetensors': noise(500_000, 'vae fp16'),
    'scheduler/scheduler_config.json': json({}),
    'safety_checker/pytorch_model.bin': noise(700_000, 'checker'),
  })
  await ada.python('push', { repo: 'ada/pipeline', folder })
  const anyone = await newMachine(hub().url)
  const { path, files } = await anyone.python<{ path: string; files: string[] }>('snapshot', {
    repo: 'ada/pipeline',
    allow: ['*.json', '*/*.json', '*/*.fp16.safetensors', 'model_index.json'],
    ignore: ['safety_checker/*'],
  })
  expect(files).toEqual([
    'model_index.json',
    'scheduler/scheduler_config.json',
    'unet/config.json',
    'unet/diffusion_pytorch_model.fp16.safetensors',
    'vae/config.json',
    'vae/diffusion_pytorch_model.fp16.safetensors',
  ])
  expect(await hashes(folder)).toMatchObject(await hashes(path))
  const info = await (await fetch(`${hub().url}/api/models/ada/pipeline`)).json()
  expect(info).toMatchObject({
    library_name: 'diffusers',
    config: { diffusers: { _class_name: 'StableDiffusionPipeline' } },
  })
})
