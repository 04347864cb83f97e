import t from 'tap'
import { buildApp } from '../helpers/build-app.ts'

const { server, routes } = await buildApp(t)
const origin = await server.listen({ host: '127.0.0.1', port: 0 })

/** What a policy allows, by directive. */
const policyOf = (response: Response): Map<string, string[]> =>
  new Map(
    (response.headers.get('content-security-policy') ?? '')
      .split(';')
      .map((directive) => directive.trim().split(' '))
      .flatMap(([name, ...sources]) => (name ? [[name, sources] as const] : [])),
  )

t.test('the page has all it needs here, and its policy allows it', async (t) => {
  const page = await fetch(`${origin}/docs`)
  t.equal(page.status, 200)
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const html = await page.text()
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => String(url))
  t.ok(named.length >= 7)
  const policy = policyOf(page)
  t.strictSame(policy.get('default-src'), ["'none'"], 'what is not named is not loaded')
  for (const name of named) {
    const url = new URL(name, `${origin}/docs`)
    t.equal(url.origin, origin, name)
    const asset = await fetch(url)
    t.equal(asset.status, 200, name)
    const type = String(asset.headers.get('content-type'))
    const directive = /javascript/.test(type) ? 'script' : /css/.test(type) ? 'style' : 'img'
    t.ok(policy.get(`${directive}-src`)?.includes("'self'"), `${name}: ${type}`)
    await asset.arrayBuffer()
  }
  // Nothing stands in the page itself that scripts alone may do.
  t.notMatch(html, /<script[^>]*>[^<\s]|<style| on[a-z]+=/)
  for (const directive of ['script-src', 'style-src'])
    t.strictSame(policy.get(directive), ["'self'"], directive)
})

t.test('its style sheets and scripts load nothing from elsewhere', async (t) => {
  for (const name of ['swagger-ui.css', 'index.css']) {
    const css = await (await fetch(`${origin}/docs/static/${name}`)).text()
    const urls = [...css.matchAll(/url\(\s*["']?([^"')]{1,9})/g)].map(([, url]) => url)
    t.strictSame(
      urls.filter((url) => !url?.startsWith('data:')),
      [],
      name,
    )
    t.notMatch(css, /@import/)
  }
  const start = await (await fetch(`${origin}/docs/static/swagger-initializer.js`)).text()
  t.match(start, /validatorUrl: null/, 'no validator on another host is asked')
  t.match(start, /resolveUrl\('\.\/json'\)/)
  t.strictSame(policyOf(await fetch(`${origin}/docs`)).get('connect-src'), ["'self'"])
})

t.test('it shows the document that the service gives', async (t) => {
  const [shown, given] = await Promise.all(
    ['/docs/json', '/openapi.json'].map(async (path) => (await fetch(`${origin}${path}`)).json()),
  )
  t.strictSame(shown, given)
  const yaml = await fetch(`${origin}/docs/yaml`)
  t.match(await yaml.text(), /^openapi: 3\.1\.0\n/)
})

t.test('it is open to all, as a page of people is not to be framed', async (t) => {
  const own = routes.filter(({ url }) => url === '/docs' || url.startsWith('/docs/'))
  t.ok(own.length > 5)
  for (const { url, config, schema } of own) {
    t.equal(config?.access, 'open', url)
    t.equal(schema?.hide, true, url)
  }
  t.strictSame(policyOf(await fetch(`${origin}/docs`)).get('frame-ancestors'), ["'none'"])
})

t.test('the rest of the service keeps the policy for answers that are no pages', async (t) => {
  const policy = policyOf(await fetch(`${origin}/openapi.json`))
  t.strictSame(policy.get('default-src'), ["'none'"])
  t.notOk(policy.has('script-src'))
})

t.test('what the page does not have is not found', async (t) => {
  for (const path of [
    '/docs/nothing',
    '/docs/static/nothing.js',
    '/docs/static/..%2f..%2fpackage.json',
  ]) {
    const answer = await fetch(`${origin}${path}`)
    t.equal(answer.status, 404, path)
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    t.match(await answer.json(), { code: 'not_found', status: 404 })
  }
})
