import { Command, InvalidArgumentError, Option } from 'commander'
import type { OpenHub } from '../open-hub.ts'
import { Progress } from './progress.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export function gcCommand(open: (flags: { data?: string }) => Promise<OpenHub>): Command {
  return new Command('gc')
    .description('remove what nothing refers to any more, once it has been so for the grace period')
    .option('--dry-run', 'only say what would go')
    .addOption(
      new Option('--grace <time>', 'such as 7d, 12h, 30m or 0s')
        .env('BANYAN_GRACE')
        .argParser(parseTime)
        .default(7 * unitMs.d, '7d'),
    )
    .option('--data <folder>', 'where everything is kept (./data)')
    .addHelpText(
      'after',
      `
Chunks that fall out of use are marked by one run and removed by a later one, a grace period after: an upload that is
under way may be about to refer to them. The hub may run meanwhile. A good habit is one run a day.`,
    )
    .action(async (flags: { dryRun?: boolean; grace: number; data?: string }) => {
      const hub = await open(flags)
      try {
        await collect(hub, flags.dryRun ?? false, flags.grace)
      } finally {
        await hub.close()
      }
    })
}

async function collect(hub: OpenHub, dryRun: boolean, graceMs: number): Promise<void> {
  const progress = new Progress()
  const files = await hub.blobs.collect({
    dryRun,
    graceMs,
    liveHolders: hub.repos.liveHolders,
    progress: (what, done) => progress.update(`${what}: ${done}`),
  })
  const packs = await hub.repos.collect({ dryRun, graceMs })
  const images = await hub.discussions.collect({ dryRun, graceMs })
  const sketches = await hub.sketches.collect({ dryRun, graceMs, needed: hub.lineage.sketchesInUse })
  const verb = dryRun ? 'would remove' : 'removed'
  progress.line(`${verb} ${files.holdings} unused references to files, ${files.files} files`)
  progress.line(
    `${verb} ${files.xorbs} xorbs (${inMiB(files.xorbBytes)}), ${files.uploads} unfinished uploads`,
  )
  progress.line(
    `${verb} ${files.orphans + packs.objects} stray objects (${inMiB(files.orphanBytes + packs.bytes)})`,
  )
  progress.line(`${verb} ${images.objects} images that no comment shows (${inMiB(images.bytes)})`)
  progress.line(`${verb} ${sketches.objects} sketches of weights that are gone (${inMiB(sketches.bytes)})`)
  progress.line(
    `${dryRun ? 'would mark' : 'marked'} ${files.markedXorbs} xorbs (${inMiB(files.markedBytes)}) as unused; they go after the grace period`,
  )
}

function inMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

function parseTime(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) throw new InvalidArgumentError('It must be a number and s, m, h or d, such as 7d.')
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}
