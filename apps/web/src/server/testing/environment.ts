/** An environment for tests that go through env(): set before anything reads it. Test material. */
process.env.BETTER_AUTH_SECRET ??= "a secret of tests only, 32 characters";
process.env.DATABASE_URL ??= "postgresql://set.by/useDatabase";
process.env.LOG_LEVEL ??= "silent";

export const ORIGIN = "http://127.0.0.1:3000";
