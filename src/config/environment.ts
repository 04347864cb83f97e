import { z } from 'zod'
import { PROVIDER_NAMES } from '../corridors/snapshot.ts'
import { TLS_MODES } from '../storage/database/postgres-url.ts'
import { baseUrl, commaList, list, origins, quota, seconds, trustProxy, whole } from './fields.ts'

/**
 * Every environment variable of the service. An empty value counts as not set. The descriptions
 * are those of `.env.example`.
 */
export const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  PORT: whole(0, 65_535).default(3000).describe('Port to listen on; 0 takes a free one.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least severe log line to write.'),
  LOG_FORMAT: z
    .enum(['pretty', 'json'], 'must be pretty or json')
    .optional()
    .describe('pretty for people, json for programs. Default: pretty on a terminal, else json.'),
  LOG_FILE: z
    .string()
    .optional()
    .describe('File to write the log to as well, always as JSON; a new one each day (UTC).'),
  LOG_FILE_MAX_MB: whole(1, 100_000)
    .default(100)
    .describe('Size at which the log file is followed by a new one before the day ends.'),
  LOG_FILE_KEEP: whole(1, 1000).default(14).describe('How many old log files are kept.'),
  AUDIT_RETENTION_DAYS: whole(1, 36_500)
    .default(30)
    .describe(
      'Days for which DATA_DIR/audit keeps who wrote, changed keys, or showed a wrong one.',
    ),
  METRICS_PORT: whole(0, 65_535)
    .optional()
    .describe('Port for GET /metrics alone; 0 takes a free one. Default: PORT.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: baseUrl
    .optional()
    .describe(
      'Address of an OpenTelemetry collector (OTLP over HTTP) to send traces to. Default: none.',
    ),
  HEADERS_TIMEOUT_SECONDS: whole(1, 300)
    .default(10)
    .describe('Longest time for the headers of a request to arrive.'),
  REQUEST_TIMEOUT_SECONDS: whole(1, 300)
    .default(30)
    .describe('Longest time for a whole request to arrive.'),
  DRAIN_WAIT_SECONDS: whole(0, 300)
    .default(0)
    .describe(
      'After SIGTERM, how long readiness says no while requests are served on; longer than load balancers need to notice.',
    ),
  SHED_EVENT_LOOP_DELAY_MS: whole(0, 60_000)
    .default(500)
    .describe(
      'Mean delay of the event loop over a second above which requests are refused; 0 refuses none for it.',
    ),
  SHED_MEMORY_PERCENT: whole(1, 100)
    .default(90)
    .describe(
      "Share of the container's memory (else the machine's) above which requests are refused.",
    ),
  TRAFFIC_PROVIDERS: list(PROVIDER_NAMES)
    .optional()
    .describe(
      'Providers in order of preference: here, tomtom; or simulated or replay alone. Default: those whose key is set, else simulated.',
    ),
  HERE_API_KEY: z.string().optional().describe('Key for HERE Traffic v7.'),
  HERE_API_KEY_FILE: z
    .string()
    .optional()
    .describe('File that holds the HERE key; read again when it changes.'),
  HERE_BASE_URL: baseUrl
    .default(new URL('https://data.traffic.hereapi.com/'))
    .describe('Address of the HERE Traffic API.'),
  HERE_QUOTA_PER_HOUR: quota()
    .default(2500)
    .describe('Most calls to HERE in an hour (UTC), or none for any number.'),
  HERE_QUOTA_PER_DAY: quota()
    .default(null)
    .describe('Most calls to HERE in a day (UTC). Default: any number.'),
  HERE_QUOTA_PER_MONTH: quota()
    .default(null)
    .describe('Most calls to HERE in a calendar month (UTC). Default: any number.'),
  TOMTOM_API_KEY: z.string().optional().describe('Key for TomTom Flow Segment Data v4.'),
  TOMTOM_API_KEY_FILE: z
    .string()
    .optional()
    .describe('File that holds the TomTom key; read again when it changes.'),
  TOMTOM_BASE_URL: baseUrl
    .default(new URL('https://api.tomtom.com/'))
    .describe('Address of the TomTom API.'),
  TOMTOM_QUOTA_PER_HOUR: quota()
    .default(2500)
    .describe('Most calls to TomTom in an hour (UTC), or none for any number.'),
  TOMTOM_QUOTA_PER_DAY: quota()
    .default(null)
    .describe('Most calls to TomTom in a day (UTC). Default: any number.'),
  TOMTOM_QUOTA_PER_MONTH: quota()
    .default(null)
    .describe('Most calls to TomTom in a calendar month (UTC). Default: any number.'),
  UPSTREAM_TIMEOUT_SECONDS: whole(1, 120)
    .default(10)
    .describe('Longest time for one call to a provider; connecting may take half of it.'),
  REPLAY_DIR: z
    .string()
    .optional()
    .describe('Folder of raw bodies for the replay provider; folders in it are played in turn.'),
  REPLAY_FORMAT: z
    .enum(['here', 'tomtom'], 'must be here or tomtom')
    .optional()
    .describe('Whose bodies REPLAY_DIR holds: here or tomtom.'),
  RECORD_DIR: z
    .string()
    .optional()
    .describe('Folder to keep the raw bodies of a live provider in, as a replay folder.'),
  CORRIDORS_DIR: z
    .string()
    .optional()
    .describe('Folder of corridor files (*.json) that are served beside the built-in Ayalon.'),
  CORRIDORS: z
    .string()
    .transform(commaList)
    .optional()
    .describe('Ids of the corridors to serve; each costs provider calls. Default: all.'),
  POLL_SECONDS: seconds()
    .default(300)
    .describe('Time between two refreshes; their mean where a day or a month has a quota.'),
  MIN_INTERVAL_SECONDS: seconds()
    .default(60)
    .describe('Least time between two rounds of asking a provider, whatever POLL_SECONDS says.'),
  MAX_STALE_SECONDS: seconds()
    .default(7200)
    .describe('Age up to which the last good snapshot is served while the provider fails.'),
  DATA_DIR: z
    .string()
    .default('./data')
    .describe('Folder of the embedded database and of what waits to be written.'),
  DATABASE_URL: z
    .string()
    .optional()
    .describe(
      'postgres://user:password@host:port/database of a Postgres server (15 or newer) instead.',
    ),
  DATABASE_URL_FILE: z.string().optional().describe('File that holds the URL of the database.'),
  DATABASE_TLS: z
    .enum(TLS_MODES)
    .optional()
    .describe(
      'disable, require (encrypts, trusts any certificate) or verify-full. Default: sslmode of the URL, else disable.',
    ),
  DATABASE_CA_FILE: z
    .string()
    .optional()
    .describe('Certificate authority (PEM) of the Postgres server, where it is not a public one.'),
  DATABASE_POOL_SIZE: whole(1, 1000)
    .default(10)
    .describe('Most connections of one process to the Postgres server.'),
  DATABASE_CONNECT_TIMEOUT_SECONDS: whole(1, 300)
    .default(5)
    .describe('Longest time to connect to the Postgres server.'),
  DATABASE_QUERY_TIMEOUT_SECONDS: whole(1, 3600)
    .default(30)
    .describe('Longest time for one statement on the Postgres server.'),
  DATABASE_KEEPALIVE_SECONDS: whole(1, 3600)
    .default(30)
    .describe('Idle time after which TCP probes whether the Postgres server is still there.'),
  REDIS_URL: z
    .string()
    .optional()
    .describe(
      'redis://user:password@host:port of a Redis server for what replicas share. Default: the database.',
    ),
  REDIS_URL_FILE: z.string().optional().describe('File that holds the URL of the Redis server.'),
  LEASE_SECONDS: whole(1, 300)
    .default(5)
    .describe(
      'How often the replica that collects says so; when it dies, another takes over within three times that.',
    ),
  RETENTION_DAYS: whole(1, 36_500)
    .default(400)
    .describe('Age up to which observations are kept; hourly and daily totals are kept for ever.'),
  RAW_RETENTION_DAYS: whole(0, 36_500)
    .default(30)
    .describe("Age up to which the providers' raw answers are kept; 0 keeps none."),
  API_KEYS: z
    .string()
    .optional()
    .describe('Keys of clients, a list of name:scope:secret; scopes are read, write and admin.'),
  API_KEYS_FILE: z
    .string()
    .optional()
    .describe('File that holds the list of keys; read again when it changes.'),
  AUTH_READS: z
    .enum(['open', 'key'], 'must be open or key')
    .default('open')
    .describe('Whether reading is open to all, or needs a key too.'),
  KEY_PEPPER: z
    .string()
    .optional()
    .describe(
      'Secret of 32 characters or more that keys in the database are hashed with. Default: made in DATA_DIR; with DATABASE_URL there is none.',
    ),
  KEY_PEPPER_FILE: z.string().optional().describe('File that holds the pepper.'),
  RATE_LIMIT_PER_MINUTE: whole(1, 1_000_000)
    .default(100)
    .describe('Most requests of one client in a minute: of a key, else of an address.'),
  RATE_LIMIT_PER_HOUR: whole(1, 100_000_000)
    .default(1000)
    .describe('Most requests of one client in an hour.'),
  RATE_LIMIT_WRITES_PER_MINUTE: whole(1, 1_000_000)
    .default(20)
    .describe('Most requests of one client in a minute that change something.'),
  RATE_LIMIT_IMPACT_PER_MINUTE: whole(1, 1_000_000)
    .default(30)
    .describe('Most requests of one client to POST /v1/impact in a minute.'),
  RATE_LIMIT_WRONG_KEYS_PER_MINUTE: whole(1, 1_000_000)
    .default(10)
    .describe(
      'Most wrong keys from one address in a minute; then its keys of API_KEYS are not looked at.',
    ),
  CORS_ORIGINS: origins()
    .default([])
    .describe(
      'Origins whose pages may call, such as https://example.org, or * for all. Default: none.',
    ),
  TRUST_PROXY: trustProxy()
    .optional()
    .describe(
      'Proxies whose X-Forwarded-… headers count: how many stand before the service, or a list of their networks, such as 10.0.0.0/8. Default: none.',
    ),
})

export type Environment = z.infer<typeof environmentSchema>
