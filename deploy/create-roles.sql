-- For psql, once, as a superuser of a new server: the groups, a login in two of them, and the database.
\set password `cat /run/secrets/db_password`
create role steelyard_migrator nologin;
create role steelyard_app nologin noinherit;
create role steelyard_auditor nologin;
create role steelyard_refresh nologin;
grant steelyard_refresh to steelyard_app;
create role steelyard login password :'password' in role steelyard_migrator, steelyard_app;
create database steelyard owner steelyard_migrator;
revoke connect, temporary on database steelyard from public;
grant connect, temporary on database steelyard to steelyard_migrator, steelyard_app, steelyard_auditor, steelyard_refresh;
