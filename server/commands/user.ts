import { Command, Option } from 'commander'
import { AccountExists } from '../domains/accounts/index.ts'
import { HubError } from '../kernel/errors.ts'
import { type OpenAccounts, withAccounts } from './account-session.ts'

interface AddOptions {
  email?: string
  fullname?: string
  passwordStdin?: true
  admin?: true
  token?: string
  tokenName: string
  tokenRole: 'read' | 'write'
  data?: string
}

/** `banyan user add`. `input` is where a password is read from. */
export function userCommand(
  open: OpenAccounts,
  input: () => AsyncIterable<Uint8Array> = () => process.stdin,
): Command {
  const user = new Command('user').description('The people who use this hub')
  user
    .command('add')
    .summary('add a user')
    .description('Adds a user. They sign in with an access token, and with a password if they have one.')
    .argument('<name>', 'letters, digits, ".", "_" and "-", at most 64; part of their repositories\' names')
    .option(
      '--email <email>',
      'not checked; shown to the user, and to owners of gated repositories whom they ask for access',
    )
    .option('--fullname <name>', 'how pages call them (default: NAME)')
    .option('--password-stdin', 'read a password from the first line of standard input')
    .option('--admin', 'may read and change everything on this hub')
    .option('--token <value>', 'give them this access token: 1 to 128 printable characters')
    .option('--token-name <name>', 'what they know it by', 'default')
    .addOption(
      new Option('--token-role <role>', 'what it allows').choices(['read', 'write']).default('write'),
    )
    .option('--data <dir>', 'data folder of the hub')
    .addHelpText(
      'after',
      `
Examples:
  banyan user add alice --email alice@example.org && banyan token add alice
  printf %s "$PASSWORD" | banyan user add root --admin --password-stdin

Better than --token, which other users of this machine can see in the list of processes, is "banyan token add".`,
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const password = options.passwordStdin ? await firstLine(input()) : undefined
      await withAccounts(command, open, options, async ({ accounts }) => {
        try {
          const account = await accounts.addUser({
            name,
            fullname: options.fullname,
            email: options.email,
            password,
            isAdmin: options.admin,
            token:
              options.token === undefined
                ? undefined
                : { value: options.token, name: options.tokenName, role: options.tokenRole },
          })
          const isKeyless = password === undefined && options.token === undefined
          const { writeErr } = command.configureOutput()
          writeErr?.(`Added the user ${account.name}.\n`)
          if (isKeyless)
            writeErr?.(`They cannot sign in yet. Give them a token: bin/banyan token add ${name}\n`)
        } catch (error) {
          if (!(error instanceof AccountExists)) throw error
          const existing = await accounts.findAccount(name)
          throw existing?.kind === 'user' ? new UserExists(existing.name) : error
        }
      })
    })
  return user
}

class UserExists extends HubError {
  constructor(name: string) {
    super(`there is already a user called ${name}; for a new token of theirs: banyan token add ${name}`)
  }
}

const longestLine = 4096

/** The first line of `input`, without its end. No more than `longestLine` bytes are kept of what is sent. */
async function firstLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  let bytes = Buffer.alloc(0)
  for await (const piece of input) {
    bytes = Buffer.concat([bytes, piece])
    if (bytes.includes('\n') || bytes.length > longestLine) break
  }
  return bytes.subarray(0, longestLine).toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}
