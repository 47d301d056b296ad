<?php

/**
 * WordPress's connection to its database: TLS in which each side checks the other's certificate.
 *
 * The database must show a certificate of the key server for the name that it is called by; this container shows its own.
 * There is no way back to a connection without these checks.
 */

defined('ABSPATH') || exit;

final class Attested_Database extends wpdb
{
    private const PORT = 3306;
    private const SECONDS = 10;

    public function db_connect($allow_bail = true)
    {
        $this->is_mysql = true;
        mysqli_report(MYSQLI_REPORT_OFF);
        $connection = mysqli_init();
        $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, self::SECONDS);
        $connection->ssl_set(
            '/tmp/database-key.pem',
            '/tmp/database-certificate.pem',
            '/tmp/database-authority.pem',
            null,
            null,
        );
        $flags = MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_VERIFY_SERVER_CERT;
        // What went wrong goes to the log, as a warning of PHP; a visitor is told nothing of it.
        if (!$connection->real_connect($this->dbhost, $this->dbuser, $this->dbpassword, null, self::PORT, null, $flags)) {
            error_log("no database: {$connection->connect_error}");
            $this->dbh = null;
            if ($allow_bail) {
                wp_load_translations_early();
                $this->bail(__('Error establishing a database connection'), 'db_connect_fail');
            }
            return false;
        }
        $this->dbh = $connection;
        $this->init_charset();
        $this->set_charset($this->dbh);
        $this->ready = true;
        $this->set_sql_mode();
        $this->select($this->dbname, $this->dbh);
        return true;
    }
}

$wpdb = new Attested_Database(DB_USER, DB_PASSWORD, DB_NAME, DB_HOST);
