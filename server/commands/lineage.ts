import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { sketchType } from '../domains/lineage/index.ts'
import { HubError } from '../kernel/errors.ts'
import type { OpenHub } from '../open-hub.ts'
import { Progress } from './progress.ts'
import { sketchLocal } from './sketch.ts'

export function lineageCommand(open: (flags: { data?: string }) => Promise<OpenHub>): Command {
  const rebuild = new Command('rebuild')
    .description('work out the whole family tree again, from stored sketches')
    .option('--from <id>', 'go on where a run that was stopped says it was')
    .option('--data <folder>', 'where everything is kept (./data)')
    .addHelpText('after', '\nModels that have no sketch yet get one. The hub may run meanwhile.')
    .action(async (flags: { from?: string; data?: string }) => {
      const hub = await open(flags)
      try {
        await rebuildTree(hub, flags.from)
      } finally {
        await hub.close()
      }
    })
  const identify = new Command('identify')
    .description('ask a hub which family weights of this machine belong to, without uploading them')
    .argument('<file>', 'weights, a folder of them, or a sketch made by "banyan sketch"')
    .addOption(new Option('--hub <url>', 'which hub').makeOptionMandatory())
    .addOption(new Option('--token <token>', 'to be told of private models too').env('HF_TOKEN'))
    .action(async (file: string, flags: { hub: string; token?: string }) => {
      process.stdout.write(`${JSON.stringify(await identifyFile(file, flags), null, 2)}\n`)
    })
  const guess = new Command('guess-order')
    .description('print the tree as weights and cards alone tell it, whenever models came')
    .option('--data <folder>', 'where everything is kept (./data)')
    .addHelpText(
      'after',
      '\nFor a hub that was filled all at once, where times say nothing. Prints what GET /api/lineage/export does,\nprivate models too. Nothing is changed.',
    )
    .action(async (flags: { data?: string }) => {
      const hub = await open(flags)
      try {
        for await (const line of hub.lineage.exportWithoutOrder()) process.stdout.write(line)
      } finally {
        await hub.close()
      }
    })
  return new Command('lineage')
    .description('the family tree of models')
    .addCommand(rebuild)
    .addCommand(guess)
    .addCommand(identify)
}

async function rebuildTree(hub: OpenHub, from: string | undefined): Promise<void> {
  const progress = new Progress()
  let at = from
  const stop = () => {
    if (at !== undefined) process.stderr.write(`\nstopped; go on by --from ${at}\n`)
    process.exit(130)
  }
  process.once('SIGINT', stop)
  try {
    const ids = async function* () {
      let done = 0
      for (const id of await hub.repos.allIds()) {
        await hub.sketches.readMissing(id)
        progress.update(`sketches: ${++done}`)
        yield id
      }
    }
    const placed = await hub.lineage.rebuild({
      ...{ ids: ids(), from },
      progress(done, id) {
        at = id
        progress.update(`models placed: ${done}`)
      },
    })
    progress.line(`placed ${placed} models`)
  } finally {
    process.off('SIGINT', stop)
  }
}

class HubRefuses extends HubError {}

const answerMs = 120_000

async function identifyFile(path: string, { hub, token }: { hub: string; token?: string }): Promise<unknown> {
  const sketch = path.endsWith('.sketch') ? await readFile(path) : (await sketchLocal(path)).sketch
  const answer = await fetch(new URL('/api/lineage/identify', hub), {
    method: 'POST',
    headers: { 'content-type': sketchType, ...(token && { authorization: `Bearer ${token}` }) },
    body: new Uint8Array(sketch),
    signal: AbortSignal.timeout(answerMs),
  })
  const body = (await answer.json()) as { error?: string }
  if (!answer.ok) throw new HubRefuses(`${hub} answers ${answer.status}: ${body.error}`)
  return body
}
