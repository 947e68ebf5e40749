-- The roles and the database, made by PostgreSQL's own administrator; may be run again.
-- Who they are is the system's to say (peer): each role is a system user of the same name.

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['loushan-approval-owner', 'loushan-approval', 'loushan-supervision']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE "loushan-supervision" SET default_transaction_read_only = on;

SELECT 'CREATE DATABASE approval OWNER "loushan-approval-owner" TEMPLATE template0 ENCODING ''UTF8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'approval') \gexec

REVOKE ALL ON DATABASE approval FROM PUBLIC;
GRANT CONNECT ON DATABASE approval TO "loushan-approval", "loushan-supervision";
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;

\connect approval
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO "loushan-approval-owner";
GRANT USAGE ON SCHEMA public TO "loushan-approval", "loushan-supervision";
