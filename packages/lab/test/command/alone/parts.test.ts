/** The command finds what packages offer that are installed beside it, and says in one line what is wrong with the others. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { finished, readDocument } from '@threadmap/lab'
import { folder, threadmap } from '../../support/command.js'

/** The address of commander: the scratch packages are in no place from which Node would find it by name. */
const COMMANDER = import.meta.resolve('commander')

const EXPERIMENT = `{
  name: 'hello',
  title: 'Does the guest run?',
  method: 'It runs.',
  seconds: { quick: 1, full: 1 },
  run: async ({ progress, workers }) => {
    progress(0.5, 'greeting')
    return {
      evidence: [], charts: [], tables: [], findings: ['It runs with ' + workers + ' workers.'], beliefs: [],
    }
  },
}`

/** A guest as its package would be installed. */
function guest(name: string, module: string, field: unknown = { commands: './commands.js' }): Record<string, string> {
  const description = { name, version: '1.0.0', type: 'module', threadmap: field }
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify(description),
    [`node_modules/${name}/commands.js`]: module,
  }
}

const GOOD = guest(
  '@guests/good',
  `import { Command, Option } from '${COMMANDER}'
   export const experiments = [{ ...${EXPERIMENT}, flags: [new Option('--greeting <word>', 'what it says')] }]
   export const commands = found => [
     new Command('greet').action(() => console.log('hello from', found.experiments.map(({ name }) => name).join(' '))),
   ]`,
)

test('an installed package adds subcommands and experiments without the lab knowing it', async t => {
  const cwd = folder(t, { ...GOOD, 'deeper/down/here.txt': '' })
  const help = await threadmap(['--help'], { cwd })
  assert.equal(help.code, 0)
  assert.equal(help.stderr, '')
  assert.match(help.stdout, /greet/)
  assert.match(help.stdout, /wordcount/)

  // The command also finds packages from a folder within the project, as Node finds modules.
  const greeted = await threadmap(['greet'], { cwd: join(cwd, 'deeper/down') })
  assert.equal(greeted.code, 0, greeted.stderr)
  assert.match(greeted.stdout, /^hello from race .* mix hello\n$/)

  const list = await threadmap(['lab', '--list'], { cwd })
  assert.match(list.stdout, /^hello +Does the guest run\? \(quick 1 s, full 1 s\)$/m)
  const run = await threadmap(['lab', 'hello', '--workers', '3', '--greeting', 'hi', '--out', 'run'], { cwd })
  assert.equal(run.code, 0, run.stderr)
  const document = readDocument(join(cwd, 'run'))
  assert.deepEqual(finished(document, 'hello')?.findings, ['It runs with 3 workers.'])
  assert.equal(document.settings.flags.greeting, 'hi')
})

test('what is wrong with a package is said in one line each, and all others are offered', async t => {
  const option = `import { Command, Option } from '${COMMANDER}'\n`
  const bad: Record<string, [module: string, line: RegExp, field?: unknown]> = {
    'no-file': ['', /is not \{ "commands": "\.\/FILE\.js" \}/, 'commands.js'],
    outside: ['', /with a file of its own/, { commands: './../good/commands.js' }],
    missing: ['', /cannot load .*absent\.js \(Error: Cannot find module/, { commands: './absent.js' }],
    throws: ['throw new TypeError("not\\ntoday")', /cannot load .* \(TypeError: not\)/],
    syntax: ['export const = 1', /cannot load .* \(SyntaxError/],
    empty: ['export const other = 1', /exports neither experiments nor commands/],
    'no-list': ['export const experiments = {}', /`experiments` of its module is no list/],
    'no-function': ['export const commands = []', /`commands` of its module is no function/],
    half: ["export const experiments = [{ name: 'half' }, null]", /experiment half lacks|is no object/],
    'same-experiment': [
      `export const experiments = [{ ...${EXPERIMENT}, name: 'mix' }]`,
      /experiment mix has the name of one of @threadmap\/lab/,
    ],
    'same-command': [
      `${option}export const commands = () => [new Command('lab')]`,
      /subcommand lab has the name of one of @threadmap\/lab/,
    ],
    'same-flag': [
      `${option}export const experiments = [{ ...${EXPERIMENT}, name: 'clash', flags: [new Option('--quick', '')] }]`,
      /experiment clash: .*--quick/,
    ],
    'no-command': ['export const commands = () => [{}]', /subcommand that is no Command/],
    'cannot-make': [
      'export const commands = () => { throw new Error("no") }',
      /subcommands cannot be made \(Error: no\)/,
    ],
  }
  const files = Object.entries(bad).map(([name, [module, , field]]) => guest(name, module, field))
  const cwd = folder(t, {
    ...Object.assign({}, ...files),
    ...GOOD,
    // Neither package offers anything: one only depends on the library, the other is being written right now.
    'node_modules/user/package.json': JSON.stringify({ name: 'user', dependencies: { threadmap: '^0.1.0' } }),
    'node_modules/torn/package.json': '{ "name": "torn", "threadmap": ',
  })
  const { code, stdout, stderr } = await threadmap(['lab', '--list'], { cwd })
  assert.equal(code, 0, stderr)
  const lines = stderr.trimEnd().split('\n')
  for (const [name, [, line]] of Object.entries(bad)) {
    const about = lines.filter(text => text.startsWith(`threadmap: without ${name}: `))
    // Two experiments of this package are wrong.
    assert.equal(about.length, name === 'half' ? 2 : 1, `${name}: ${stderr}`)
    for (const text of about) assert.match(text, line)
  }
  assert.equal(lines.length, Object.keys(bad).length + 1, stderr)
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map(text => text.split(' ')[0])
      .slice(-2),
    ['mix', 'hello'],
  )
})

test('of two copies of a package the one beside the command counts', async t => {
  const cwd = folder(t, guest('@threadmap/lab', 'export const commands = () => { throw new Error("the other copy") }'))
  const { code, stdout, stderr } = await threadmap(['--help'], { cwd })
  assert.equal(code, 0)
  assert.equal(stderr, '')
  assert.match(stdout, /wordcount/)
})
