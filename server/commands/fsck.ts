import { join } from 'node:path'
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
  try {
    for (const words of await hub.database.check())
      report.finding({ severity: 'error', subject: 'database', words })
    const damaged = await hub.blobs.check({ deep }, report)
    await hub.repos.check({ deep, damaged }, report)
  } catch (error) {
    // A database so damaged that it cannot be asked; what else there is was not looked at.
    if (counts.error === 0) throw error
    report.finding({ severity: 'error', subject: 'the check ends here', words: (error as Error).message })
  }
  if (counts.error === 0) {
    const depth = deep ? 'every byte read' : 'bytes not read; --deep does'
    progress.line(`Everything is whole (${depth}, ${counts.notice} notices).`)
  } else {
    progress.line(`${counts.error} errors, ${counts.notice} notices.`)
    progress.line(whatToDo(hub.config.data))
  }
  return counts.error
}

function whatToDo(data: string): string {
  return `
What to do: an object named here is refused to readers, never served wrongly; all else is served as ever.
  object KEY is missing or damaged   put it back from a backup: it is the file ${join(data, 'objects')}/KEY
  database                           stop the hub and put ${join(data, 'hub.sqlite')} back from a backup
Then run fsck --deep again. Without a backup:
  xorb, file                         upload the large files that are named here again, under any name: the hub knows that
                                     these xorbs are damaged and stores the content anew, for all who refer to it
  other objects                      push to a new repository what is concerned, and delete it here`
}
