import { Command } from 'commander'
import { fsckCommand } from './commands/fsck.ts'
import { gcCommand } from './commands/gc.ts'
import { lineageCommand } from './commands/lineage.ts'
import { orgCommand } from './commands/org.ts'
import { routesCommand } from './commands/routes.ts'
import { serveCommand } from './commands/serve.ts'
import { sketchCommand } from './commands/sketch.ts'
import { tokenCommand } from './commands/token.ts'
import { userCommand } from './commands/user.ts'
import { ConfigFaults, readConfig } from './config.ts'
import { HubError, RepoNotFound } from './kernel/errors.ts'
import type { RepoType } from './kernel/repository.ts'
import { openHub } from './open-hub.ts'
import { version } from './version.ts'

/** Commands work on the data folder, whether a server runs on it or not. */
async function open(flags: { data?: string | undefined }) {
  const hub = await openHub(readConfig({ data: flags.data, logLevel: 'warn' }, process.env))
  return {
    ...hub,
    async repoIdOf(type: RepoType, namespace: string, name: string): Promise<string | undefined> {
      try {
        return (await hub.repos.find(type, namespace, name)).id
      } catch (error) {
        if (error instanceof RepoNotFound) return undefined
        throw error
      }
    },
  }
}

const program = new Command('banyan')
  .description('Banyan 榕树: an open-model hub that anyone can run')
  .version(version)
  .addCommand(serveCommand(), { isDefault: false })
  .addCommand(userCommand(open))
  .addCommand(orgCommand(open))
  .addCommand(tokenCommand(open))
  .addCommand(fsckCommand(open))
  .addCommand(gcCommand(open))
  .addCommand(lineageCommand(open))
  .addCommand(sketchCommand())
  .addCommand(routesCommand())
  .showHelpAfterError()

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof HubError || error instanceof ConfigFaults)) throw error
  process.stderr.write(`banyan: ${error.message}\n`)
  process.exitCode = 1
}
