@echo off
rem w7prep, strategy none: run daily by Task Scheduler as SYSTEM. Shortly before the grace
rem period ends it uses one of the rearms that Windows allows; when none is left it says so in
rem activation.log and takes its task away.
setlocal EnableExtensions DisableDelayedExpansion
set "here=%~dp0"
set "sys=%SystemRoot%\System32"
set "vbs="%sys%\cscript.exe" //nologo //B"
set "W7_REARM_DAYS=3"
for %%v in (logged W7_REPORT_SHARE) do set "%%v="
for %%f in (settings rearm-settings) do if exist "%here%%%f.cmd" call "%here%%%f.cmd"
call :daily
if defined logged if exist "%here%report.cmd" call "%here%report.cmd"
exit /b 0

:daily
%vbs% "%here%licensing.vbs" licensed >nul 2>&1 <nul
if "%ERRORLEVEL%"=="0" exit /b 0

rem A rearm counts from the next start on: until then the days left stay low.
if not exist "%here%rearm.restart" goto :look
%vbs% "%here%licensing.vbs" restarted "%here%rearm.restart" >nul 2>&1 <nul
if not "%ERRORLEVEL%"=="0" goto :ask_restart
del /f /q "%here%rearm.restart" >nul 2>&1

:look
%vbs% "%here%licensing.vbs" days >nul 2>&1 <nul
set "days=%ERRORLEVEL%"
if %days% LSS 0 (
	call :log grace-period %days% "the licensing service cannot be asked"
	exit /b 0
)
if %days% GEQ %W7_REARM_DAYS% exit /b 0
%vbs% "%here%licensing.vbs" rearms >nul 2>&1 <nul
set "rearms=%ERRORLEVEL%"
if %rearms% LSS 0 (
	call :log rearms %rearms% "the licensing service cannot be asked"
	exit /b 0
)
if %rearms%==0 goto :none_left
%vbs% "%sys%\slmgr.vbs" /rearm >nul 2>&1 <nul
set "code=%ERRORLEVEL%"
call :log slmgr-rearm %code% "days left: %days%, rearms left before: %rearms%"
if not "%code%"=="0" exit /b 0
>"%here%rearm.restart" echo a rearm waits for the next start

rem The task runs at night or soon after the PC was switched on: restart when nobody
rem works on it, ask otherwise. Whoever switches it off in the evening does it too.
:ask_restart
%vbs% "%here%licensing.vbs" user >nul 2>&1 <nul
if "%ERRORLEVEL%"=="1" goto :restart
"%sys%\msg.exe" * "Please restart this PC today (Windows licensing, w7prep)." >nul 2>&1 <nul
call :log restart 0 "asked for"
exit /b 0

:restart
"%sys%\shutdown.exe" /r /t 60 >nul 2>&1 <nul
call :log restart %ERRORLEVEL% "nobody is logged on"
exit /b 0

:none_left
call :log rearms 0 "no rearm left, days left: %days%. Re-clone or activate this PC"
"%sys%\schtasks.exe" /Delete /TN "w7prep rearm" /F >nul 2>&1 <nul
exit /b 0

:log
set "logged=1"
%vbs% "%here%log.vbs" "%here%activation.log" %1 %2 "%~3" >nul 2>&1 <nul
exit /b 0
