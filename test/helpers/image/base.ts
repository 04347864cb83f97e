import { cpSync, globSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

const CHECKOUT = resolve(import.meta.dirname, '../../..')
const NODE = join(CHECKOUT, 'node_modules/node-linux-*/bin/node')

/** What the image of Node sets. */
export const BASE_ENV: ReadonlyMap<string, string> = new Map([
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
])

/**
 * Makes a layer that turns this machine's root into what the image of Node is to us: Node of the
 * pinned version and an npm in /usr/local, and the user `node`, which is 1000.
 */
export function makeBase(layer: string): void {
  const bin = join(layer, 'usr/local/bin')
  const modules = join(layer, 'usr/local/lib/node_modules')
  for (const folder of [bin, modules, join(layer, 'etc'), join(layer, 'usr/local/sbin')])
    mkdirSync(folder, { recursive: true })
  const [node = NODE] = globSync(NODE)
  cpSync(node, join(bin, 'node'))
  cpSync(npmFolder(), join(modules, 'npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'))
  cpSync(join(import.meta.dirname, 'apt-get.sh'), join(layer, 'usr/local/sbin/apt-get'))
  const users = ['root:x:0:0::/root:/bin/sh', 'node:x:1000:1000::/home/node:/bin/sh']
  writeFileSync(join(layer, 'etc/passwd'), `${users.join('\n')}\n`)
  writeFileSync(join(layer, 'etc/group'), 'root:x:0:\nnode:x:1000:\n')
  // It may be a link to where no image has anything.
  cpSync(realpathSync('/etc/resolv.conf'), join(layer, 'etc/resolv.conf'))
}

/** The npm of this machine. */
function npmFolder(): string {
  const [npm = ''] = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((dir) => globSync(join(dir, 'npm')))
  return dirname(dirname(realpathSync(npm)))
}

/** How npm reaches the registry from this machine; nothing else of it is given to a build. */
export const npmSettings = (): [string, string][] =>
  Object.entries(process.env).flatMap(([name, value]) =>
    /^npm_config_(cache|globalconfig|registry|userconfig)$|^NODE_EXTRA_CA_CERTS$/.test(name)
      ? [[name, value ?? '']]
      : [],
  )
