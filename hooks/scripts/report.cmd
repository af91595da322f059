@echo off
rem w7prep: copies activation.log to the share that the profile names. Called by firstboot.cmd
rem and rearm.cmd with what they have set. A share that cannot be reached harms nothing.
if not defined W7_REPORT_SHARE exit /b 0
copy /y "%here%activation.log" "%W7_REPORT_SHARE%\%COMPUTERNAME%.log" >nul 2>&1 <nul
%vbs% "%here%log.vbs" "%here%activation.log" report %ERRORLEVEL% "%W7_REPORT_SHARE%\%COMPUTERNAME%.log" >nul 2>&1 <nul
exit /b 0
