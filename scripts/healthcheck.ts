/**
 * For the HEALTHCHECK of the image, which has no curl: exits with 0 while the service on PORT of
 * this machine says that it is alive, else with 1.
 */
const port = process.env.PORT?.trim() || '3000'
const isAlive = await fetch(`http://127.0.0.1:${port}/health/live`).then(
  ({ ok }) => ok,
  () => false,
)
process.exitCode = isAlive ? 0 : 1
