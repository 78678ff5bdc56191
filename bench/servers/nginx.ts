import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { freePort } from '../../test/hub.ts'
import type { Bench } from '../kit/bench.ts'

const program = 'nginx'
const readyWithinMs = 5000

/** nginx with sendfile over one folder: the fastest way to send a file that a machine has. Ends with the figure. */
export async function startNginx(bench: Bench, root: string): Promise<string> {
  const folder = await bench.folder()
  const port = await freePort()
  const configuration = join(folder, 'nginx.conf')
  await mkdir(join(folder, 'temp'))
  await writeFile(
    configuration,
    `
daemon off;
worker_processes auto;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/octet-stream;
  client_body_temp_path ${folder}/temp;
  proxy_temp_path ${folder}/temp;
  fastcgi_temp_path ${folder}/temp;
  uwsgi_temp_path ${folder}/temp;
  scgi_temp_path ${folder}/temp;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`,
  )
  const PATH = [process.env.PATH, '/usr/sbin'].join(delimiter) // Debian keeps it where users do not look
  const child = spawn(program, ['-c', configuration, '-p', folder, '-e', 'stderr'], {
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (text: Buffer) => {
    complaints += text
  })
  const ended = new Promise<string>(settle => {
    child.once('error', error => settle(String(error)))
    child.once('exit', code => settle(`it ended with ${code}: ${complaints}`))
  })
  let end: string | undefined
  void ended.then(reason => {
    end = reason
  })
  bench.defer(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const url = `http://127.0.0.1:${port}`
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline; ) {
    if (end !== undefined) {
      throw new Error(
        end.includes('ENOENT')
          ? 'nginx is not on PATH, and this figure compares with it. Install it: apt-get install nginx-light'
          : `nginx did not start: ${end}`,
      )
    }
    const answer = await fetch(url).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer) return url
    await new Promise(settle => setTimeout(settle, 20))
  }
  throw new Error(`nginx did not answer within ${readyWithinMs} ms: ${complaints}`)
}
