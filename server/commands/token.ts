import { Command, InvalidArgumentError, Option } from 'commander'
import { AccountNotFound, type NewToken } from '../domains/accounts/index.ts'
import type { TokenScope } from '../kernel/actor.ts'
import { RepoNotFound } from '../kernel/errors.ts'
import { type RepoType, repoId } from '../kernel/repository.ts'
import { type AccountSession, type OpenAccounts, withAccounts } from './account-session.ts'

interface AddOptions {
  name: string
  role: 'read' | 'write' | 'fine-grained'
  repo?: RepoScope[]
  account?: AccountScope[]
  data?: string
}

type RepoScope = { type: RepoType; namespace: string; name: string; access: TokenScope['access'] }
type AccountScope = { name: string; access: TokenScope['access'] }

/** `banyan token add` prints the token, and nothing else, on standard output. */
export function tokenCommand(open: OpenAccounts): Command {
  const token = new Command('token').description('Access tokens: what programs sign in with')
  token
    .command('add')
    .summary('make a token for a user')
    .description('Makes an access token and prints it, this once: only its hash is kept.')
    .argument('<user>', 'whose it is; it never allows more than they may do')
    .option('--name <name>', 'what they know it by', 'default')
    .addOption(
      new Option('--role <role>', 'what it allows: read, write, or what --repo and --account say')
        .choices(['read', 'write', 'fine-grained'])
        .default('write'),
    )
    .option(
      '--repo <repo:access>',
      'fine-grained: [datasets/|spaces/|kernels/]NS/NAME:read|discuss|write; may repeat',
      addRepo,
    )
    .option(
      '--account <name:access>',
      'fine-grained: all repositories of NAME:read|discuss|write; may repeat',
      addAccount,
    )
    .option('--data <dir>', 'data folder of the hub')
    .addHelpText(
      'after',
      `
Examples:
  HF_TOKEN=$(banyan token add alice --name laptop)
  banyan token add alice --name ci --role fine-grained --repo datasets/acme/corpus:write --account alice:read`,
    )
    .action(async (user: string, options: AddOptions, command: Command) => {
      const scopeCount = (options.repo?.length ?? 0) + (options.account?.length ?? 0)
      if (options.role === 'fine-grained' && scopeCount === 0) {
        command.error('error: a fine-grained token needs at least one --repo or --account')
      }
      if (options.role !== 'fine-grained' && scopeCount > 0) {
        command.error('error: --repo and --account are for --role fine-grained')
      }
      await withAccounts(command, open, options, async session => {
        const wanted: NewToken =
          options.role === 'fine-grained'
            ? { name: options.name, role: options.role, scopes: await scopesOf(session, options) }
            : { name: options.name, role: options.role }
        const { token } = await session.accounts.addToken(user, wanted)
        const { writeErr, writeOut } = command.configureOutput()
        writeErr?.(`The new ${options.role} token of ${user}, "${options.name}". It is not shown again:\n`)
        writeOut?.(`${token}\n`)
      })
    })
  token
    .command('list')
    .summary('show which tokens a user has')
    .description(
      'Lists the tokens of a user that are not revoked, one a line: id, role, when it was made and used, name.',
    )
    .argument('<user>', 'whose they are')
    .option('--data <dir>', 'data folder of the hub')
    .addHelpText('after', '\nExample:\n  banyan token list alice')
    .action(async (user: string, options: { data?: string }, command: Command) => {
      await withAccounts(command, open, options, async session => {
        const { writeOut } = command.configureOutput()
        for (const each of await session.accounts.listTokens(user)) {
          const used = each.last_used_at === null ? 'never used' : `used ${dayOf(each.last_used_at)}`
          const end = each.expires_at === null ? '' : `, expires ${dayOf(each.expires_at)}`
          writeOut?.(
            `${each.id}  ${each.role.padEnd(12)}  made ${dayOf(each.created_at)}, ${used}${end}  ${each.name}\n`,
          )
        }
      })
    })
  token
    .command('revoke')
    .summary('make a token worthless')
    .description('Revokes an access token, at once, on a hub that runs too.')
    .argument('<user>', 'whose it is')
    .argument('<id>', 'which, as `banyan token list` shows it')
    .option('--data <dir>', 'data folder of the hub')
    .addHelpText('after', '\nExample:\n  banyan token revoke alice 6562a1f0c4d2e8b19a7c3d5e')
    .action(async (user: string, id: string, options: { data?: string }, command: Command) => {
      await withAccounts(command, open, options, async session => {
        await session.accounts.revokeToken(user, id)
        command.configureOutput().writeErr?.(`Revoked the token ${id} of ${user}.\n`)
      })
    })
  return token
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

async function scopesOf(
  session: AccountSession,
  { repo = [], account = [] }: AddOptions,
): Promise<TokenScope[]> {
  const scopes: TokenScope[] = []
  for (const { type, namespace, name, access } of repo) {
    const id = await session.repoIdOf(type, namespace, name)
    if (id === undefined)
      throw new RepoNotFound(`${type === 'model' ? '' : `${type}s/`}${repoId({ namespace, name })}`)
    scopes.push({ target: { kind: 'repository', id }, access })
  }
  for (const { name, access } of account) {
    const found = await session.accounts.findAccount(name)
    if (!found) throw new AccountNotFound('user or organization', name)
    scopes.push({ target: { kind: 'account', id: found.id }, access })
  }
  return scopes
}

const types: Record<string, RepoType> = { datasets: 'dataset', spaces: 'space', kernels: 'kernel' }

function addRepo(text: string, earlier: RepoScope[] = []): RepoScope[] {
  const [, plural, namespace, name, access] =
    /^(?:(datasets|spaces|kernels)\/)?([^/:]+)\/([^/:]+):(read|discuss|write)$/.exec(text) ?? []
  if (!namespace || !name || !access) {
    throw new InvalidArgumentError(
      'It must be NS/NAME, datasets/NS/NAME, spaces/NS/NAME or kernels/NS/NAME, then :read, :discuss or :write.',
    )
  }
  const type = plural ? types[plural]! : 'model'
  return [...earlier, { type, namespace, name, access: access as TokenScope['access'] }]
}

function addAccount(text: string, earlier: AccountScope[] = []): AccountScope[] {
  const [, name, access] = /^([^/:]+):(read|discuss|write)$/.exec(text) ?? []
  if (!name || !access) throw new InvalidArgumentError('It must be NAME:read, NAME:discuss or NAME:write.')
  return [...earlier, { name, access: access as TokenScope['access'] }]
}
