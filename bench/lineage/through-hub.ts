/**
 * Pushes a generated hub (`generate/`) to a real one with huggingface_hub, model by model in order of upload, waits until all are placed, and prints its
 * own export (`GET /api/lineage/export`) for `score.ts`.
 *
 *     node bench/lineage/through-hub.ts FOLDER > export.ndjson
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHub } from '../../test/hub.ts'
import { PYTHON_ENVIRONMENT } from '../../test/setup/places.ts'
import { readHub } from './place.ts'

const push = `
import json, os, sys
from huggingface_hub import HfApi
api = HfApi(endpoint=sys.argv[1], token=sys.argv[2])
for line in sys.stdin:
    model = json.loads(line)
    api.create_repo(model["id"], exist_ok=True)
    api.upload_folder(repo_id=model["id"], folder_path=model["folder"])
    print(model["id"], flush=True)
`

const folder = process.argv[2]
if (!folder) {
  console.error('usage: node bench/lineage/through-hub.ts FOLDER > export.ndjson')
  process.exit(2)
}
const models = await readHub(folder)
const hub = await startHub()
try {
  for (const organization of new Set(models.map(({ id }) => id.split('/')[0] as string)))
    await hub.runCli(['org', 'add', organization, '--member', `${hub.owner.name}:admin`])
  const began = performance.now()
  const python = spawn(join(PYTHON_ENVIRONMENT, 'bin/python'), ['-c', push, hub.url, hub.token], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, HF_HUB_DISABLE_PROGRESS_BARS: '1', HF_HUB_DISABLE_TELEMETRY: '1' },
  })
  for (const { id, files_dir } of models)
    python.stdin.write(`${JSON.stringify({ id, folder: join(folder, files_dir) })}\n`)
  python.stdin.end()
  let pushed = 0
  python.stdout.on('data', (bytes: Buffer) => {
    pushed += bytes.toString().split('\n').length - 1
    process.stderr.write(`\rpushed ${pushed} of ${models.length}`)
  })
  const [status] = await once(python, 'close')
  if (status !== 0) throw new Error(`pushing ended with ${status}`)
  const took = performance.now() - began
  console.error(`\npushed in ${(took / 1000).toFixed(0)} s`)
  for (const { id } of models) await placed(id)
  console.error(`placed ${((performance.now() - began - took) / 1000).toFixed(0)} s after the last push`)
  const answer = await fetch(`${hub.url}/api/lineage/export`, {
    headers: { authorization: `Bearer ${hub.token}` },
  })
  process.stdout.write(await answer.text())
} finally {
  await hub.stop()
}

async function placed(id: string): Promise<void> {
  const headers = { authorization: `Bearer ${hub.token}` }
  for (let turn = 0; turn < 3000; turn++) {
    const answer = await fetch(`${hub.url}/api/models/${id}/lineage`, { headers })
    const { status } = (await answer.json()) as { status: string }
    if (status !== 'waiting') return
    await sleep(200)
  }
  throw new Error(`${id} is not placed after ten minutes`)
}
