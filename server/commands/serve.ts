import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'
import { type Config, type Flags, readConfig } from '../config.ts'
import { HubError } from '../kernel/errors.ts'
import { type OpenHub, openHub } from '../open-hub.ts'
import { Worker } from '../worker.ts'

/** Requests and jobs under way may finish within this time after SIGTERM; a webhook's receiver may take 10 s. */
const graceMs = 12_000
const jobsAtOnce = 2

export function serveCommand(): Command {
  return new Command('serve')
    .description('run the hub')
    .option('--host <address>', 'address to listen on (127.0.0.1)')
    .option('--port <port>', 'port to listen on, 0 for any (8484)')
    .option('--data <folder>', 'where everything is kept (./data)')
    .option('--public-url <url>', 'how clients reach this hub, when that is not http://host:port')
    .option('--role <roles>', 'web, worker or both (web,worker)')
    .option('--sign-up <who>', 'open: anybody may make an account; closed: by command only (closed)')
    .option(
      '--rate-limits <quotas>',
      'requests of one account or address: off, or api=N,resolvers=N,pages=N,window=SECONDS',
    )
    .option('--webhook-targets <which>', 'any: webhooks may send to private addresses too (public)')
    .option(
      '--lineage-reports <whether>',
      'off: no discussions about what weights say of declared bases (on)',
    )
    .option('--trusted-proxies <addresses>', 'proxies whose X-Forwarded-* headers are believed (none)')
    .option('--git-cache <size>', 'what local copies for the git program may take of the disk (10GiB)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug or silent (info)')
    .addHelpText('after', '\nEvery flag has a variable: BANYAN_PORT, BANYAN_DATA, BANYAN_PUBLIC_URL, …')
    .action(serve)
}

async function serve(flags: Flags): Promise<void> {
  // V8 lets other threads help with each collection of young objects and then waits for them. Where uploads have the cores that
  // is 20 to 50 ms in which no request is answered, for 3 ms of work.
  setFlagsFromString('--no-parallel-scavenge')
  const config = readConfig(flags, process.env)
  const hub = await openHub(config)
  const app = config.role.includes('web') ? hub.createApp() : undefined
  const workers = config.role.includes('worker')
    ? [false, true].map(
        waits =>
          new Worker({ ...hub, handlers: hub.jobs.filter(job => (job.waitsForOthers ?? false) === waits) }),
      )
    : []

  const stop = async (signal: NodeJS.Signals) => {
    hub.log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), graceMs).unref()
    await app?.close()
    await Promise.all(workers.map(worker => worker.stop()))
    await hub.close()
    process.exit(0)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)

  if (app) await listen(hub, app, config)
  for (const worker of workers) worker.start(jobsAtOnce)
  if (!app) return
  const { port } = app.server.address() as { port: number }
  process.stderr.write(firstSteps(config.publicUrl ?? `http://${config.host}:${port}`, config.data))
}

/** The address is taken, not this machine's, or not allowed: a line for the operator, no stack. */
class CannotListen extends HubError {
  constructor({ host, port }: Config, reason: string) {
    super(`cannot listen on ${host}, port ${port}: ${reason}; choose others by --host and --port`)
  }
}

async function listen(hub: OpenHub, app: ReturnType<OpenHub['createApp']>, config: Config): Promise<void> {
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await hub.close()
    throw new CannotListen(config, (error as Error).message)
  }
}

function firstSteps(address: string, data: string): string {
  return `
Banyan 榕树 is at ${address}  (data in ${data}; Ctrl-C stops it)

First user      第一个用户:  bin/banyan user add alice --admin
Access token    访问令牌:    bin/banyan token add alice --role write
In a client     客户端:      export HF_ENDPOINT=${address}
                             hf auth login --token hf_...
                             hf upload alice/my-model ./folder

`
}
