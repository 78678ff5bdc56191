import { Command } from 'commander'
import type { CheckReport } from '../domains/blobs/index.ts'
import type { OpenHub } from '../open-hub.ts'
import { Progress } from './progress.ts'

export function fsckCommand(open: (flags: { data?: string }) => Promise<OpenHub>): Command {
  return new Command('fsck')
    .description('prove that everything stored is whole: refs, history, packs, files, chunks')
    .option('--deep', 'read every byte and hash it again')
    .option('--data <folder>', 'where everything is kept (./data)')
    .addHelpText(
      'after',
      `
Exit code 0: whole. 1: something cannot be served as it was stored; each line says what and where.
Notices are remains that gc clears away. The hub may run meanwhile.`,
    )
    .action(async (flags: { deep?: boolean; data?: string }) => {
      const hub = await open(flags)
      try {
        const errors = await check(hub, flags.deep ?? false)
        process.exitCode = errors > 0 ? 1 : 0
      } finally {
        await hub.close()
      }
    })
}

async function check(hub: OpenHub, deep: boolean): Promise<number> {
  const counts = { error: 0, notice: 0 }
  const progress = new Progress()
  const report: CheckReport = {
    finding({ severity, subject, words }) {
      counts[severity]++
      progress.line(`${severity}: ${subject}: ${words}`)
    },
    progress: (what, done, total) => progress.update(`${what}: ${done} of ${total}`),
  }
  await hub.blobs.check({ deep }, report)
  await hub.repos.check({ deep }, report)
  progress.line(
    counts.error === 0
      ? `Everything is whole (${deep ? 'every byte read' : 'bytes not read; --deep does'}, ${counts.notice} notices).`
      : `${counts.error} errors, ${counts.notice} notices.`,
  )
  return counts.error
}
